import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { choosePorts } from './ports.ts';

describe('choosePorts', () => {
  let folder: string;
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const servers: Server[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ports-'));
    said.length = 0;
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
    rmSync(folder, { recursive: true });
  });

  const occupy = (port: number): Promise<void> =>
    new Promise((done) => {
      const server = createServer();
      servers.push(server);
      server.listen(port, '127.0.0.1', () => done());
    });

  test('gives each name a port of its own that Temporal can store, and remembers it', async () => {
    const path = join(folder, 'ports.json');
    const first = await choosePorts(path, say, true);
    const numbers = Object.values(first);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const port of numbers) expect(port).toBeLessThan(32_768);
    expect(await choosePorts(path, say, true)).toEqual(first);
    expect(said).toEqual([]);
  });

  test('chooses anew only what is taken, and says so', async () => {
    const path = join(folder, 'ports.json');
    const first = await choosePorts(path, say, true);
    await occupy(first.nats);
    const second = await choosePorts(path, say, true);
    expect(second).toEqual({ ...first, nats: second.nats });
    expect(second.nats).not.toBe(first.nats);
    expect(said).toEqual([`port ${first.nats} (nats) is taken: using ${second.nats}`]);
  });
});

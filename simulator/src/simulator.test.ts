import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { api, finished, until } from './client.fixture.ts';
import { type SimulatorInfo, startSimulator } from './simulator.ts';

const folder = mkdtempSync(join(tmpdir(), 'simulator-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a site survives a restart: keys, machines, files and services', async () => {
  const stateDir = join(folder, 'site');
  const first = await startSimulator({ nodes: 1, cloneMs: 0, bootMs: 0, stateDir });
  await finished(
    first.info,
    await api(first.info, 'POST', '/nodes/pve1/qemu/9000/clone', { newid: '100', pool: 'truffle', full: '1' }),
  );
  await finished(first.info, await api(first.info, 'POST', '/nodes/pve1/qemu/100/status/start', {}));
  const before = first.cluster.guests.get(100);
  before?.disk.write('/srv/a', Buffer.from('kept'));
  before?.services.install('nginx');
  await first.close();

  const second = await startSimulator({ nodes: 1, cloneMs: 0, bootMs: 0, stateDir });
  expect(second.info.tokenSecret).toBe(first.info.tokenSecret);
  expect(second.info.bastion.hostKeyFingerprint).toBe(first.info.bastion.hostKeyFingerprint);
  expect(await api(second.info, 'GET', '/nodes/pve1/qemu/100/status/current')).toMatchObject({
    status: 'running',
    vmid: 100,
  });
  const after = second.cluster.guests.get(100);
  expect(after?.disk.read('/srv/a')?.toString()).toBe('kept');
  expect(after?.hostKey).toBe(before?.hostKey);
  expect(after?.services.listener(80)?.service).toBe('nginx');
  await second.close();
});

test('the program prints one line of JSON and ends on SIGTERM', { timeout: 30_000 }, async () => {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'main.ts'), '--json', '--nodes', 'a,b', '--clone-ms', '0'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  const closed = new Promise((resolve) => child.on('close', resolve));
  await until(
    () => Promise.resolve(out),
    (text) => text.includes('\n'),
  );
  const info: SimulatorInfo = JSON.parse(out);
  expect(info.nodes).toEqual(['a', 'b']);
  expect(await api(info, 'GET', '/version')).toMatchObject({ release: '9.2' });
  child.kill('SIGTERM');
  expect(await closed).toBe(0);
  expect(out.trim().split('\n')).toHaveLength(1);
});

test('the program refuses options that it does not understand', { timeout: 30_000 }, async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--clone-ms', 'soon'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1);
  expect(text).toContain("--clone-ms wants a number, not 'soon'");
});

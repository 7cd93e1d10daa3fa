import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QemuError } from '../error.ts';
import { whyNoGuests } from '../images.ts';
import { findQemu } from '../program/programs.ts';
import { withGuestAgent } from './guest-agent.ts';
import { Monitor } from './monitor.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'truffle-qmp-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const why = whyNoGuests();

/** QEMU with no machine in it: it answers on its monitor at once. */
async function withQemu(act: (path: string) => Promise<void>): Promise<void> {
  const path = join(folder, 'monitor.sock');
  const monitor = ['-chardev', `socket,id=m,path=${path},server=on,wait=off`, '-mon', 'chardev=m,mode=control'];
  const none = ['-machine', 'none', '-nodefaults', '-display', 'none'];
  const child = spawn(findQemu().system, [...none, ...monitor], { stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', done));
  try {
    await expect
      .poll(() => Monitor.open(path).then((opened) => opened[Symbol.dispose]()), { timeout: 20_000 })
      .toBeUndefined();
    await act(path);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

describe.skipIf(why !== undefined)(`a monitor${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  it('answers, refuses in its own words, and tells events', async () => {
    await withQemu(async (path) => {
      using monitor = await Monitor.open(path);
      expect(await monitor.execute('query-status')).toMatchObject({ running: expect.any(Boolean) });
      await expect(monitor.execute('device_del', { id: 'nothing' })).rejects.toThrow(/nothing/);
      const event = new Promise((told) => monitor.onEvent((each) => told(each.event)));
      await monitor.execute('quit');
      expect(await event).toBe('SHUTDOWN');
    });
  });

  it('is held by one at a time, and says so to others in time', async () => {
    await withQemu(async (path) => {
      using _held = await Monitor.open(path);
      await expect(Monitor.open(path, 100)).rejects.toMatchObject({ code: 'QEMU_NO_ANSWER' });
    });
  });
});

describe('who does not answer', () => {
  it('is told as such: a monitor that is not there, and one that greets never', async () => {
    const path = join(folder, 'silent.sock');
    await expect(Monitor.open(path)).rejects.toBeInstanceOf(QemuError);
    const server = createServer((socket) => socket.resume()).listen(path);
    await new Promise((done) => server.once('listening', done));
    await expect(Monitor.open(path, 50)).rejects.toMatchObject({ code: 'QEMU_NO_ANSWER' });
    await expect(withGuestAgent(path, () => Promise.resolve(), 50)).rejects.toMatchObject({
      code: 'QEMU_AGENT_SILENT',
    });
    await new Promise((done) => server.close(done));
  });

  it('may have left an old answer on the channel: only the answer to the sync begins a conversation', async () => {
    const path = join(folder, 'agent.sock');
    const server = createServer((socket) => {
      socket.write('{"return":"of an older question"}\n');
      socket.on('data', (bytes: Buffer) => {
        for (const line of bytes.toString('latin1').split('\n')) {
          const id = /"id":(\d+)/.exec(line)?.[1];
          if (id !== undefined) socket.write(Buffer.concat([Buffer.of(0xff), Buffer.from(`{"return":${id}}\n`)]));
          else if (line.includes('guest-ping')) socket.write('{"return":{}}\n');
          else if (line.includes('execute')) socket.write('{"error":{"desc":"no such thing"}}\n');
        }
      });
    }).listen(path);
    await new Promise((done) => server.once('listening', done));
    await withGuestAgent(path, async (agent) => {
      expect(await agent.execute('guest-ping')).toEqual({});
      await expect(agent.execute('guest-nothing')).rejects.toThrow('no such thing');
    });
    await new Promise((done) => server.close(done));
  });
});

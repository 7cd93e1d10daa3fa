import { readdirSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureImage, guestCache, whyNoGuests } from '@truffle/qemu/images';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api, channel, connect, connectBastion, finished, run, until } from '../client.fixture.ts';
import { type Simulator, startSimulator } from '../simulator.ts';
import { makeSshKey } from '../ssh-key.ts';

const why = whyNoGuests();

describe.skipIf(why !== undefined)(`real guests behind the API${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let simulator: Simulator;
  let stateDir: string;
  const key = makeSshKey();
  const call = (verb: string, path: string, params?: Record<string, string>) => api(simulator.info, verb, path, params);
  const task = async (verb: string, path: string, params?: Record<string, string>) => {
    const ended = await finished(
      simulator.info,
      await call(verb, path, verb === 'POST' ? (params ?? {}) : params),
      90_000,
    );
    expect(ended).toBe('OK');
  };
  const addressOf = async (vmid: number): Promise<string> => {
    const told = await until(
      () => call('GET', `/nodes/pve1/qemu/${vmid}/agent/network-get-interfaces`).catch(() => undefined),
      (answer) => answer !== undefined,
      90_000,
    );
    const { result } = told as { result: { name: string; 'ip-addresses': { 'ip-address': string }[] }[] };
    return result.find((one) => one.name === 'eth0')?.['ip-addresses'][0]?.['ip-address'] ?? '';
  };

  beforeAll(async () => {
    const guestImage = await ensureImage('fast', { cacheFolder: guestCache(), say: () => undefined });
    stateDir = mkdtempSync(join(tmpdir(), 'pve-real-'));
    simulator = await startSimulator({ nodes: 1, cloneMs: 0, authDelayMs: 0, guestImage, stateDir });
    await task('POST', '/nodes/pve1/qemu/9000/clone', { newid: '100', name: 'web-1', pool: 'truffle', full: '1' });
    const sshkeys = encodeURIComponent(key.public);
    await call('PUT', '/nodes/pve1/qemu/100/config', { ciuser: 'admin', sshkeys, memory: '128' });
    await task('POST', '/nodes/pve1/qemu/100/status/start');
  }, 300_000);
  afterAll(async () => {
    await simulator?.close();
    if (stateDir !== undefined) rmSync(stateDir, { recursive: true, force: true });
  }, 60_000);

  test('boot, tell their address by their own agent, and are entered through the bastion by the key of cloud-init', async () => {
    const address = await addressOf(100);
    expect(address).toMatch(/^10\./);
    const bastion = await connectBastion(simulator.info);
    try {
      const sock = await channel(bastion, address, 22);
      const guest = await connect({ sock, username: 'admin', privateKey: key.private });
      expect(await run(guest, 'hostname; uname -s; sudo id -u')).toEqual({
        code: 0,
        stdout: 'web-1\nLinux\n0\n',
        stderr: '',
      });
      await run(guest, 'mkdir -p /srv/www && echo real > /srv/www/index.html && httpd -p 80 -h /srv/www');
      await expect(channel(bastion, address, 8080)).rejects.toThrow();
      const http = await channel(bastion, address, 80);
      const answer = await new Promise<string>((resolve) => {
        let text = '';
        http.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
        http.on('close', () => resolve(text));
        http.write('GET /index.html HTTP/1.0\r\n\r\n');
      });
      expect(answer).toMatch(/200 OK[\s\S]*real\n$/);
      guest.end();
    } finally {
      bastion.end();
    }
  }, 120_000);

  test('run commands of the guest agent, and say what they exit with', async () => {
    const { pid } = (await call('POST', '/nodes/pve1/qemu/100/agent/exec', { command: '/bin/hostname' })) as {
      pid: number;
    };
    const ended = await until(
      () => call('GET', `/nodes/pve1/qemu/100/agent/exec-status?pid=${pid}`),
      (status) => (status as { exited: number }).exited === 1,
    );
    expect(ended).toMatchObject({ exitcode: 0, 'out-data': 'web-1\n' });
  });

  test('are put back to a snapshot, disk and all', async () => {
    const exec = (script: string) => call('POST', '/nodes/pve1/qemu/100/agent/exec', { command: `/bin/${script}` });
    await task('POST', '/nodes/pve1/qemu/100/snapshot', { snapname: 'before' });
    await exec('poweroff');
    await task('POST', '/nodes/pve1/qemu/100/snapshot/before/rollback');
    await task('POST', '/nodes/pve1/qemu/100/status/start');
    expect(await addressOf(100)).toMatch(/^10\./);
    await task('DELETE', '/nodes/pve1/qemu/100/snapshot/before');
  }, 120_000);

  test('shut down when they are asked, and leave nothing when they are destroyed', async () => {
    await task('POST', '/nodes/pve1/qemu/100/status/shutdown', { timeout: '60' });
    expect(await call('GET', '/nodes/pve1/qemu/100/status/current')).toMatchObject({ status: 'stopped' });
    await task('DELETE', '/nodes/pve1/qemu/100');
    await until(
      () => Promise.resolve(readdirSync(join(stateDir, 'vm')).filter((name) => name.startsWith('100'))),
      (left) => left.length === 0,
    );
  }, 120_000);
});

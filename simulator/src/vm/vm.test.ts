import { describe, expect, test } from 'vitest';
import { api, finished, send, tokenHeader, until } from '../client.fixture.ts';
import { type Simulator, startSimulator } from '../simulator.ts';

const VM = '/nodes/pve1/qemu';

async function site(
  work: (simulator: Simulator) => Promise<void>,
  options: Parameters<typeof startSimulator>[0] = {},
): Promise<void> {
  const simulator = await startSimulator({
    nodes: 2,
    cloneMs: 0,
    bootMs: 0,
    authDelayMs: 0,
    agentWaitMs: 0,
    ...options,
  });
  try {
    await work(simulator);
  } finally {
    await simulator.close();
  }
}

const CLONE = { full: '1', pool: 'truffle' };

/** Lets the token see a guest that is in no pool yet. */
function show({ cluster }: Simulator, vmid: number): void {
  const rest = { path: `/vms/${vmid}`, roleid: 'TruffleAgent', propagate: true };
  cluster.access.acl.push(
    { type: 'user', ugid: 'truffle@pve', ...rest },
    { type: 'token', ugid: 'truffle@pve!agent', ...rest },
  );
}

describe('cloning', () => {
  test('has exactly one winner among racers, and losers at once and in the task', () =>
    site(
      async ({ info, cluster }) => {
        const path = `/api2/json${VM}/9000/clone`;
        const replies = await Promise.all(
          ['a', 'b', 'c'].map((name) =>
            send(info, { method: 'POST', path, headers: tokenHeader(info), body: { ...CLONE, newid: '120', name } }),
          ),
        );
        const begun = replies.filter((reply) => reply.status === 200);
        const ends = await Promise.all(begun.map((reply) => finished(info, reply.json?.data)));
        expect(ends.filter((end) => end === 'OK')).toHaveLength(1);
        expect(
          new Set([
            ...ends.filter((end) => end !== 'OK'),
            ...replies.filter((reply) => reply.status !== 200).map((reply) => reply.reason),
          ]),
        ).toEqual(new Set(['unable to create VM 120: config file already exists']));
        expect(cluster.vms.get(120)?.config['lock']).toBeUndefined();
      },
      { forkMs: 20 },
    ));

  test('shows its target locked while it copies, and refuses changes to it', () =>
    site(
      async (simulator) => {
        const { info } = simulator;
        const upid = await api(info, 'POST', `${VM}/9000/clone`, { ...CLONE, newid: '101' });
        const ask = () =>
          send(info, { method: 'GET', path: `/api2/json${VM}/101/status/current`, headers: tokenHeader(info) });
        // Its pool comes last, and with it the rights on it.
        expect((await ask()).status).toBe(403);
        show(simulator, 101);
        const status = await until(ask, (one) => one.status === 200);
        expect(status.json?.data).toMatchObject({ lock: 'clone', status: 'stopped' });
        const refused = await send(info, {
          method: 'PUT',
          path: `/api2/json${VM}/101/config`,
          headers: tokenHeader(info),
          body: { cores: '4' },
        });
        expect([refused.status, refused.reason]).toEqual([500, 'VM is locked (clone)']);
        expect(await finished(info, upid)).toBe('OK');
        const source = (await api(info, 'GET', `${VM}/9000/config`)) as Record<string, string>;
        const copy = (await api(info, 'GET', `${VM}/101/config`)) as Record<string, string>;
        expect(copy['net0']).not.toBe(source['net0']);
        expect(copy['smbios1']).not.toBe(source['smbios1']);
        expect(copy['scsi0']).toBe('shared:101/vm-101-disk-0.qcow2,size=3G');
      },
      { cloneMs: 300 },
    ));

  test('leaves a stale lock when the worker dies', () =>
    site(async (simulator) => {
      const { info, faults, cluster } = simulator;
      show(simulator, 102);
      faults.add({ vmid: 102, action: { kind: 'clone-dies' } });
      await api(info, 'POST', `${VM}/9000/clone`, { ...CLONE, newid: '102' });
      await until(
        async () => cluster.vms.get(102)?.config['lock'],
        (lock) => lock === 'clone',
      );
      const reply = await send(info, {
        method: 'PUT',
        path: `/api2/json${VM}/102/config`,
        headers: tokenHeader(info),
        body: { cores: '4' },
      });
      expect(reply.reason).toBe('VM is locked (clone)');
    }));

  test('of fifty machines at once with nothing to wait for is quick', () =>
    site(async ({ info, cluster }) => {
      const ids = Array.from({ length: 50 }, (_, at) => String(1000 + at));
      const upids = await Promise.all(ids.map((newid) => api(info, 'POST', `${VM}/9000/clone`, { ...CLONE, newid })));
      expect(new Set(await Promise.all(upids.map((upid) => finished(info, upid))))).toEqual(new Set(['OK']));
      expect(cluster.vms.size).toBe(52);
    }));
});

describe('faults', () => {
  test('a start can fail and yet have happened', () =>
    site(async ({ info, faults }) => {
      await finished(info, await api(info, 'POST', `${VM}/9000/clone`, { ...CLONE, newid: '110' }));
      faults.add({ action: { kind: 'start-fails-but-runs', text: 'start failed: QEMU exited with code 1' } });
      expect(await finished(info, await api(info, 'POST', `${VM}/110/status/start`, {}))).toBe(
        'start failed: QEMU exited with code 1',
      );
      expect(await api(info, 'GET', `${VM}/110/status/current`)).toMatchObject({ status: 'running' });
    }));

  test('an answer can get lost after the work is done', () =>
    site(async ({ info, faults, cluster }) => {
      faults.add({ method: 'POST', path: `${VM}/9000/clone`, action: { kind: 'drop-reply' } });
      await expect(api(info, 'POST', `${VM}/9000/clone`, { ...CLONE, newid: '111' })).rejects.toThrow(
        /socket hang up|ECONNRESET/,
      );
      await until(
        async () => cluster.vms.get(111)?.config['scsi0'],
        (disk) => disk !== undefined,
      );
    }));

  test('a storage lock that times out leaves half a machine', () =>
    site(async ({ info, faults, cluster }) => {
      faults.add({ vmid: 112, action: { kind: 'storage-lock' } });
      const upid = await api(info, 'POST', VM, { vmid: '112', name: 'half', pool: 'truffle', scsi0: 'shared:1' });
      expect(await finished(info, upid)).toBe(
        "unable to create VM 112 - cfs-lock 'storage-shared' error: got lock request timeout",
      );
      expect(cluster.vms.get(112)?.config).toEqual({ name: 'half', lock: 'create' });
    }));

  test('strike the nth time, as often as told, and by the control port', () =>
    site(async ({ info }) => {
      const fault = {
        method: 'GET',
        path: '/version',
        nth: 2,
        times: 1,
        action: { kind: 'error', status: 500, reason: 'boom' },
      };
      expect((await fetch(`${info.controlUrl}/faults`, { method: 'POST', body: JSON.stringify(fault) })).status).toBe(
        200,
      );
      const ask = async (): Promise<number> =>
        (await send(info, { method: 'GET', path: '/api2/json/version', headers: tokenHeader(info) })).status;
      expect([await ask(), await ask(), await ask()]).toEqual([200, 500, 200]);
      expect(
        (await fetch(`${info.controlUrl}/faults`, { method: 'POST', body: '{"action":{"kind":"nonsense"}}' })).status,
      ).toBe(400);
    }));

  test('tasks fail, warn, go unknown and never begin', () =>
    site(async ({ info, faults }) => {
      faults.add({ task: 'qmclone', action: { kind: 'task-fails', text: 'no space left' } });
      expect(await finished(info, await api(info, 'POST', `${VM}/9000/clone`, { ...CLONE, newid: '113' }))).toBe(
        'no space left',
      );
      faults.add({ task: 'qmclone', action: { kind: 'task-warns', text: 'slow disk' } });
      expect(await finished(info, await api(info, 'POST', `${VM}/9000/clone`, { ...CLONE, newid: '113' }))).toBe(
        'WARNINGS: 1',
      );
      faults.add({ action: { kind: 'no-worker' } });
      await expect(api(info, 'POST', `${VM}/113/status/start`, {})).rejects.toThrow('got no worker upid');
      const upid = String(await api(info, 'POST', `${VM}/113/status/start`, {}));
      faults.add({ action: { kind: 'task-unknown' } });
      await expect(finished(info, upid)).rejects.toThrow('no such task');
      expect(await finished(info, upid)).toBe('OK');
      faults.add({ vmid: 113, times: null, action: { kind: 'agent-absent' } });
      await expect(api(info, 'POST', `${VM}/113/agent/ping`, {})).rejects.toThrow('QEMU guest agent is not running');
    }));
});

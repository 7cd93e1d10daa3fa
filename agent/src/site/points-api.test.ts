import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PveClient } from '../pve/client.ts';
import { PveError } from '../pve/error.ts';
import { faultOf } from '../pve/fault.ts';
import { taskLog } from '../pve/task.ts';
import {
  command,
  commandId,
  Crash,
  ensureServer,
  type Fixture,
  openFixture,
  serverOf,
  tasksOf,
} from './site.fixture.ts';

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

async function clientOf({ simulator }: Fixture, change: { ca?: string } = {}) {
  const { url, tokenId, tokenSecret, caFile } = simulator.info;
  const connection = { urls: [url], nodes: {}, tokenId, tokenSecret, ca: readFileSync(caFile, 'utf8') };
  const client = new PveClient({ ...connection, ...change });
  return { client, [Symbol.dispose]: () => client.close() };
}

const refusal = (call: Promise<unknown>): Promise<PveError> =>
  call.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => (error instanceof PveError ? error : Promise.reject(error)),
  );

/** Points 10, 11, 12, 18, 25, 30, 31 and 32 of the list of what goes wrong with Proxmox VE. */
describe('what goes wrong on the way to the hypervisor', () => {
  it('point 10: a write that a proxying node gave up on is looked for, one that never arrived is sent again', async () => {
    await using fixture = await openFixture();
    const path = '/nodes/[^/]+/qemu/\\d+/clone';
    fixture.simulator.faults.add({
      method: 'POST',
      path,
      action: { kind: 'error', status: 595, reason: 'No route to host' },
    });
    fixture.simulator.faults.add({
      method: 'POST',
      path,
      action: { kind: 'error', status: 599, reason: 'Too many redirections' },
    });
    fixture.simulator.faults.add({
      path: '/nodes/[^/]+/qemu/.*',
      times: 2,
      action: { kind: 'error', status: 596, reason: 'Broken pipe' },
    });
    const { failure } = await fixture.run(commandId(), ensureServer('web', 20001));
    expect(failure).toBeUndefined();
    expect(fixture.simulator.faults.list().map((each) => each.struck)).toEqual([1, 1, 2]);
    expect(tasksOf(fixture, 'qmclone')).toBe(1);
  });

  it('point 10: a node that is down is a problem of its own, and the others are listed', async () => {
    await using fixture = await openFixture();
    fixture.simulator.faults.add({ node: 'pve3', times: null, action: { kind: 'node-down' } });
    const { problems, nodes } = await fixture.site.inventory();
    expect(problems.some((each) => each.includes('pve3') && each.includes('No route to host'))).toBe(true);
    expect(nodes).toHaveLength(3);
  });

  it('point 11: a node that hangs on a dead storage holds up nothing else', async () => {
    await using fixture = await openFixture({}, 'waits: { nodeSeconds: 1 }\n');
    fixture.simulator.faults.add({ path: '/nodes/pve2/.*', times: null, action: { kind: 'latency', ms: 600_000 } });
    const since = performance.now();
    const { problems } = await fixture.site.inventory();
    expect(problems).toEqual([expect.stringContaining("The bridges of node pve2 can't be listed: no answer in time")]);
    expect(performance.now() - since).toBeLessThan(5_000);
    expect((await fixture.run(commandId(), ensureServer('web', 20001))).failure).toBeUndefined();
  });

  it('point 12: lists that lag are not believed about power, the VM’s own state is', async () => {
    await using fixture = await openFixture({ statusIntervalMs: 3_600_000 });
    fixture.simulator.cluster.reports.broadcast(fixture.simulator.cluster);
    expect((await fixture.run(commandId(), ensureServer('web', 20001))).failure).toBeUndefined();
    const listed = fixture.simulator.cluster.reports.vms(fixture.simulator.cluster);
    expect(listed.find((row) => row['vmid'] === 20001)?.['status']).toBe('unknown');
    const stop = command({ case: 'stopServer', value: serverOf('web', 20001) });
    const { end } = await fixture.run(commandId(), stop);
    expect(end.output?.output).toMatchObject({ value: { running: false } });
  });

  it('point 18: logs and lists are read whole, beyond the fifty lines that are the default', async () => {
    await using fixture = await openFixture();
    using site = await clientOf(fixture);
    const params = { newid: 20001, pool: 'truffle' };
    const upid = String(
      await site.client.post('/nodes/pve1/qemu/9000/clone', params, { node: 'pve1', signal: signal() }),
    );
    const task = fixture.simulator.cluster.tasks.byUpid.get(upid);
    task?.log.unshift(...Array.from({ length: 300 }, (_, at) => `line ${at}`));
    expect((await taskLog(site.client, upid, signal())).length).toBeGreaterThan(300);
  });

  it('point 18: a clone at work is gone on with after the token was replaced, though its task can’t be seen any more', async () => {
    // A linked clone takes a tenth of it: longer than a stub would be given.
    await using fixture = await openFixture({ cloneMs: 25_000 });
    const { tasks } = fixture.simulator.cluster;
    const id = commandId();
    await expect(fixture.run(id, ensureServer('web', 20001), { crashAt: 3 })).rejects.toThrow(Crash);
    await expect.poll(() => fixture.simulator.cluster.vms.get(20001)?.config['lock']).toBe('clone');
    for (const task of tasks.byUpid.values()) task.parts.user = 'truffle@pve!retired';
    expect((await fixture.run(id, ensureServer('web', 20001))).failure).toBeUndefined();
    expect(tasksOf(fixture, 'qmclone')).toBe(1);
  }, 20_000);

  it('point 25: high availability only queues a start, so the state is waited for', async () => {
    await using fixture = await openFixture({ haMs: 300 });
    await fixture.run(commandId(), ensureServer('web', 20001));
    const { cluster } = fixture.simulator;
    cluster.ha.resources.set(20001, { state: 'started' });
    await fixture.run(commandId(), command({ case: 'stopServer', value: serverOf('web', 20001) }));
    expect(cluster.vms.get(20001)?.running).toBeUndefined();
    const start = command({ case: 'startServer', value: serverOf('web', 20001) });
    const { end } = await fixture.run(commandId(), start);
    expect(end.output?.output).toMatchObject({ value: { running: true } });
    expect([tasksOf(fixture, 'hastop'), tasksOf(fixture, 'hastart')]).toEqual([1, 1]);
  });

  it('point 30: an error is read from the reason phrase where the body has none, and from errors and message where it has', async () => {
    await using fixture = await openFixture();
    using site = await clientOf(fixture);
    const reason = 'VM 20001 is locked (backup)';
    fixture.simulator.faults.add({ path: '/version', action: { kind: 'error', status: 500, reason, bare: true } });
    const bare = await refusal(site.client.get('/version', {}, { signal: signal(), tries: 1 }));
    expect([bare.reason, faultOf(bare)?.code]).toEqual([reason, 'PVE_LOCKED']);
    const long = 'unable to create image: got lock timeout\naborting command. try again';
    fixture.simulator.faults.add({ path: '/version', action: { kind: 'error', status: 500, reason: long } });
    expect((await refusal(site.client.get('/version', {}, { signal: signal(), tries: 1 }))).reason).toBe(long);
    const wrong = await refusal(site.client.get('/cluster/nextid', { vmid: 9000 }, { signal: signal() }));
    expect(wrong.errors['vmid']).toContain('already exists');
    expect(faultOf(wrong)?.code).toBe('PVE_VMID_EXISTS');
  });

  it('point 31: the cluster’s CA is pinned, so a leaf that renews is trusted and another CA is not', async () => {
    await using fixture = await openFixture();
    await using other = await openFixture();
    await fixture.simulator.renewCertificate();
    using site = await clientOf(fixture);
    expect(await site.client.get('/version', {}, { signal: signal() })).toHaveProperty('version');
    using foreign = await clientOf(fixture, { ca: readFileSync(other.simulator.info.caFile, 'utf8') });
    const error = await refusal(foreign.client.get('/version', {}, { signal: signal() }));
    expect(faultOf(error)?.code).toBe('PVE_TLS');
  });

  it('point 32: a task that failed is told with the end of its log, the probable cause and the remedy', async () => {
    await using fixture = await openFixture();
    const text = 'clone failed: No space left on device';
    fixture.simulator.faults.add({ task: 'qmclone', action: { kind: 'task-fails', text } });
    const { failure } = await fixture.run(commandId(), ensureServer('web', 20001));
    expect(failure).toMatchObject({
      reason: 'PVE_STORAGE_FULL',
      cause: 'The storage is full.',
      remedy: expect.stringContaining('Free space on the storage'),
      logTail: [expect.stringContaining(`TASK ERROR: ${text}`)],
    });
    expect(failure?.parameters['upid']).toMatch(/^UPID:pve1:/);
  });
});

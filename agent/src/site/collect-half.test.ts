import type { MessageInitShape } from '@bufbuild/protobuf';
import { type CollectOrphansSchema, OrphanFate, type OrphansCollected } from '@truffle/api/agent/v1/site_command';
import { deriveId } from '@truffle/ids';
import { describe, expect, it } from 'vitest';
import { markText } from '../pve/mark.ts';
import { command, commandId, Crash, ensureServer, type Fixture, grant, openFixture, orgId } from './site.fixture.ts';

const srv = (name: string) => deriveId('srv', name);
const vmids = Array.from({ length: 40 }, (_, at) => 20001 + at);
const nameOf = (vmid: number): string => `s${vmid}`;
const leases = vmids.map((vmid) => ({ vmid, serverId: srv(nameOf(vmid)) }));

const collect = (change: MessageInitShape<typeof CollectOrphansSchema> = {}) =>
  command({ case: 'collectOrphans', value: { orgId, leases, ...change } });

async function collected(fixture: Fixture, change: MessageInitShape<typeof CollectOrphansSchema> = {}) {
  const { end, failure } = await fixture.run(commandId(), collect(change));
  expect(failure).toBeUndefined();
  return (end.output?.output.value as OrphansCollected | undefined)?.orphans ?? [];
}

/** The agent dies once the clone was made and before its configuration is set. */
async function leaveHalf(fixture: Fixture, vmid: number): Promise<void> {
  const running = fixture.run(commandId(), ensureServer(nameOf(vmid), vmid), { crashAt: 3 });
  await expect(running).rejects.toThrow(Crash);
  const vm = () => fixture.simulator.cluster.vms.get(vmid)?.config;
  await expect.poll(() => vm()?.['description'] !== undefined && vm()?.['lock'] === undefined).toBe(true);
}

/** The hypervisor's worker dies in the middle of a clone. */
async function leaveStub(fixture: Fixture, vmid: number): Promise<void> {
  fixture.simulator.faults.add({ vmid, action: { kind: 'clone-dies' } });
  const signal = AbortSignal.timeout(300);
  await fixture.run(commandId(), ensureServer(nameOf(vmid), vmid), { signal }).catch(() => undefined);
  for (const task of fixture.simulator.cluster.tasks.byUpid.values())
    if (task.exitstatus === undefined) Object.assign(task, { exitstatus: 'unexpected status', endtime: 1 });
}

describe('what a creation that ended half-way left', () => {
  it('is found by the reservation in the journal, waited for, and removed', async () => {
    await using fixture = await openFixture();
    await leaveHalf(fixture, 20001);
    expect(fixture.simulator.cluster.vms.get(20001)?.config['tags'] ?? '').not.toContain('srv_');
    await fixture.restart();
    const found = await collected(fixture, { graceSeconds: 60 });
    expect(found).toMatchObject([{ vmid: 20001, serverId: srv(nameOf(20001)), fate: OrphanFate.WAITING }]);
    expect(await collected(fixture, { wantedServerIds: [srv(nameOf(20001))] })).toEqual([]);
    expect(await collected(fixture)).toMatchObject([{ vmid: 20001, fate: OrphanFate.REMOVED }]);
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(false);
    expect(fixture.journal.numbers.reservations()).toEqual([]);
  });

  it('is not found without it: the mark alone may be a copy', async () => {
    await using fixture = await openFixture();
    await leaveHalf(fixture, 20001);
    fixture.journal.numbers.release(20001);
    expect(await collected(fixture)).toEqual([]);
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(true);
  });

  it('in no pool yet is told with a command that spares what is no stub, and never touched', async () => {
    await using fixture = await openFixture();
    await leaveStub(fixture, 20001);
    const [stub, ...others] = await collected(fixture);
    expect(others).toEqual([]);
    expect(stub).toMatchObject({ vmid: 20001, node: '', fate: OrphanFate.OPERATOR_REQUIRED });
    expect(stub?.command).toBe(
      "qm config 20001 | grep -qx 'lock: clone' && qm unlock 20001 && qm destroy 20001 --purge 1",
    );
    expect(fixture.simulator.cluster.vms.get(20001)?.config['lock']).toBe('clone');
    expect(await collected(fixture, { wantedServerIds: [srv(nameOf(20001))] })).toEqual([]);
  });

  it('and is seen is told with the command for its node, and its lock stays', async () => {
    await using fixture = await openFixture();
    await leaveStub(fixture, 20001);
    fixture.simulator.cluster.pools.get('truffle')?.vms.add(20001);
    const [stub] = await collected(fixture);
    expect(stub).toMatchObject({ vmid: 20001, node: 'pve1', fate: OrphanFate.OPERATOR_REQUIRED });
    expect(stub?.command).toBe('qm unlock 20001 && qm destroy 20001 --purge 1');
    expect(fixture.simulator.cluster.vms.get(20001)?.config['lock']).toBe('clone');
  });

  it('is left alone while a clone of ours is at work', async () => {
    await using fixture = await openFixture({ cloneMs: 20_000 });
    const ended = new AbortController();
    const running = fixture.run(commandId(), ensureServer(nameOf(20001), 20001), { signal: ended.signal });
    await expect.poll(() => fixture.simulator.cluster.vms.get(20001)?.config['lock']).toBe('clone');
    expect(await collected(fixture)).toEqual([]);
    fixture.simulator.cluster.pools.get('truffle')?.vms.add(20001);
    expect(await collected(fixture)).toMatchObject([{ vmid: 20001, fate: OrphanFate.WAITING, command: '' }]);
    ended.abort(new Error('the test is over'));
    await running.catch(() => undefined);
  });
});

describe('an orphan', () => {
  it('outside of the pool is told with what lets the agent see it, and found once it does', async () => {
    await using fixture = await openFixture();
    await fixture.run(commandId(), ensureServer(nameOf(20001), 20001));
    const pool = fixture.simulator.cluster.pools.get('truffle');
    pool?.vms.delete(20001);
    fixture.journal.numbers.release(20001);
    const [hidden] = await collected(fixture);
    expect(hidden).toMatchObject({ vmid: 20001, fate: OrphanFate.OPERATOR_REQUIRED });
    expect(hidden?.command).toBe('pvesh set /pools/truffle --vms 20001');
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(true);
    pool?.vms.add(20001);
    expect(await collected(fixture)).toMatchObject([{ vmid: 20001, fate: OrphanFate.REMOVED }]);
  });

  it('outside of the pool is found like any other where the token may look at all VMs', async () => {
    await using fixture = await openFixture();
    await fixture.run(commandId(), ensureServer(nameOf(20001), 20001));
    fixture.simulator.cluster.pools.get('truffle')?.vms.delete(20001);
    grant(fixture.simulator, '/vms', ['VM.Audit', 'VM.PowerMgmt', 'VM.Allocate', 'VM.Config.Disk']);
    expect(await collected(fixture)).toMatchObject([{ vmid: 20001, fate: OrphanFate.REMOVED }]);
  });

  it('with a lock that no task holds is told with the command, and stays as it is', async () => {
    await using fixture = await openFixture();
    await fixture.run(commandId(), ensureServer(nameOf(20001), 20001));
    const vm = fixture.simulator.cluster.vms.get(20001);
    if (vm !== undefined) vm.config['lock'] = 'snapshot';
    const [locked] = await collected(fixture);
    expect(locked).toMatchObject({ fate: OrphanFate.OPERATOR_REQUIRED, command: 'qm unlock 20001' });
    expect(vm?.config['lock']).toBe('snapshot');
    expect(vm?.running).toBeDefined();
  });

  it('under high availability is removed, and what others keep there with our marks is not', async () => {
    await using fixture = await openFixture({ haMs: 10 });
    const { cluster } = fixture.simulator;
    await fixture.run(commandId(), ensureServer(nameOf(20001), 20001));
    cluster.ha.resources.set(20001, { state: 'started' });
    const ours = cluster.vms.get(20001);
    if (ours === undefined) throw new Error('there is no server');
    const put = (vmid: number, change: Record<string, string>, ha = false): void => {
      cluster.vms.set(vmid, { ...structuredClone(ours), vmid, config: { ...structuredClone(ours.config), ...change } });
      cluster.pools.get('truffle')?.vms.add(vmid);
      if (ha) cluster.ha.resources.set(vmid, { state: 'stopped' });
    };
    const uuid = `uuid=${'3'.repeat(8)}-3333-4333-8333-333333333333`;
    const mark = (vmid: number, org = orgId) =>
      markText({ orgId: org, serverId: srv(nameOf(vmid)), commandId: commandId() });
    // A person's clones: onto a number of ours, outside of the range, onto another server's number with its name put in.
    put(20002, { smbios1: uuid });
    put(300, { smbios1: uuid });
    put(20003, { smbios1: uuid, description: mark(20003), tags: `truffle;${srv(nameOf(20003))}` }, true);
    put(20004, { description: mark(20004, deriveId('org', 'other')) });
    put(20005, { template: '1' });
    put(20006, { description: `see ${mark(20006)}x`, tags: '' });
    put(20007, { description: 'the database', lock: 'clone' }, true);
    put(29_000, { description: mark(29_000) });
    const before = [...cluster.vms.keys()].filter((vmid) => vmid !== 20001);
    const foreign = structuredClone(before.map((vmid) => cluster.vms.get(vmid)?.config));
    expect(await collected(fixture)).toMatchObject([{ vmid: 20001, fate: OrphanFate.REMOVED }]);
    expect([...cluster.vms.keys()]).toEqual(before);
    expect(before.map((vmid) => cluster.vms.get(vmid)?.config)).toEqual(foreign);
  });
});

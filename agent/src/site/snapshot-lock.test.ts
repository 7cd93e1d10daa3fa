import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import { describe, expect, it } from 'vitest';
import { CommandStopped } from '../command/effect.ts';
import { command, commandId, ensureServer, type Fixture, openFixture, serverOf, tasksOf } from './site.fixture.ts';

const web = serverOf('web', 20001);
const snapshot = () => command({ case: 'snapshotServer', value: web });
/** What undoes the snapshot of a command, as orchestration asks for it. */
const undo = (id: string) => command({ case: 'deleteSnapshot', value: { ...web, snapshot: `tf-${id}` } });
const lockOf = (fixture: Fixture) => vmOf(fixture)?.config['lock'];
const vmOf = ({ simulator }: Fixture) => simulator.cluster.vms.get(20001);

async function openWithServer(): Promise<Fixture> {
  const fixture = await openFixture({}, 'waits: { lockSeconds: 1, lostReplySeconds: 1 }\n');
  expect((await fixture.run(commandId(), ensureServer('web', 20001))).failure).toBeUndefined();
  return fixture;
}

/** Stops a snapshot's command for `why` while the hypervisor holds the lock for it, once the command knows of its task, and gives back the command's id. */
async function stopped(fixture: Fixture, why: 'cancelled' | 'timeout', slowMs = 1_200): Promise<string> {
  fixture.simulator.faults.add({ vmid: 20001, action: { kind: 'snapshot-slow', text: String(slowMs) } });
  const id = commandId();
  const stop = new AbortController();
  const running = fixture.run(id, snapshot(), { signal: stop.signal });
  await expect.poll(() => lockOf(fixture)).toBe('snapshot');
  await expect.poll(() => fixture.journal.step(id, 'snapshot')?.observed).toBeDefined();
  stop.abort(new CommandStopped(why));
  const { end } = await running;
  expect(end.outcome).toBe(why === 'cancelled' ? Outcome.CANCELLED : Outcome.FAILED);
  expect(end.effect).toBe(Effect.PARTIAL);
  return id;
}

/** Points 9 and 26 of the list of what goes wrong with Proxmox VE, for what a snapshot leaves. */
describe('undoing a snapshot', () => {
  it('that was cancelled waits until its task has given the lock back, and finds nothing left', async () => {
    await using fixture = await openWithServer();
    const id = await stopped(fixture, 'cancelled', 10_000);
    expect(lockOf(fixture)).toBe('snapshot');
    const { end, failure, progress } = await fixture.run(commandId(), undo(id));
    expect(failure).toBeUndefined();
    expect([end.outcome, end.effect]).toEqual([Outcome.SUCCEEDED, Effect.NONE]);
    expect(progress.join()).toContain('waiting for lock: snapshot');
    expect([lockOf(fixture), vmOf(fixture)?.snapshots]).toEqual([undefined, {}]);
  });

  it('whose task went on after its command had ended waits for it, and removes what it made', async () => {
    await using fixture = await openWithServer();
    const id = await stopped(fixture, 'timeout');
    const { end, failure } = await fixture.run(commandId(), undo(id));
    expect(failure).toBeUndefined();
    expect([end.outcome, end.effect]).toEqual([Outcome.SUCCEEDED, Effect.FULL]);
    expect([lockOf(fixture), vmOf(fixture)?.snapshots]).toEqual([undefined, {}]);
    expect(tasksOf(fixture, 'qmdelsnapshot')).toBe(1);
  });

  it('whose task has not even begun waits for it, so that nothing is made after the undo', async () => {
    await using fixture = await openWithServer();
    const { faults } = fixture.simulator;
    faults.add({ task: 'qmsnapshot', vmid: 20001, action: { kind: 'task-delay', ms: 1_500 } });
    const id = commandId();
    const stop = new AbortController();
    const running = fixture.run(id, snapshot(), { signal: stop.signal });
    await expect.poll(() => tasksOf(fixture, 'qmsnapshot')).toBe(1);
    stop.abort(new CommandStopped('timeout'));
    await running;
    expect([lockOf(fixture), vmOf(fixture)?.snapshots]).toEqual([undefined, {}]);
    const { end, progress } = await fixture.run(commandId(), undo(id));
    expect(end.effect).toBe(Effect.FULL);
    expect(progress.join()).toContain('the snapshot that is being made');
    expect([lockOf(fixture), vmOf(fixture)?.snapshots]).toEqual([undefined, {}]);
  });

  it('that left a stale lock and a half-made snapshot ends known, says the clearing command, and ends once it was run', async () => {
    await using fixture = await openWithServer();
    fixture.simulator.faults.add({ vmid: 20001, action: { kind: 'snapshot-breaks' } });
    const id = commandId();
    await fixture.run(id, snapshot());
    expect(vmOf(fixture)?.snapshots[`tf-${id}`]?.snapstate).toBe('prepare');
    const stale = await fixture.run(commandId(), undo(id));
    expect([stale.end.outcome, stale.end.effect]).toEqual([Outcome.FAILED, Effect.NONE]);
    expect(stale.failure).toMatchObject({ reason: 'OPERATOR_REQUIRED', retryable: true });
    expect(stale.failure?.parameters).toMatchObject({ lock: 'snapshot', command: 'qm unlock 20001' });
    expect(lockOf(fixture)).toBe('snapshot');
    delete vmOf(fixture)?.config['lock'];
    const again = await fixture.run(commandId(), undo(id));
    expect([again.failure, again.end.effect]).toEqual([undefined, Effect.FULL]);
    expect([lockOf(fixture), vmOf(fixture)?.snapshots]).toEqual([undefined, {}]);
  });

  it('whose worker was killed under the lock is told from one at work', async () => {
    await using fixture = await openWithServer();
    const id = await stopped(fixture, 'timeout', 3_600_000);
    for (const task of fixture.simulator.cluster.tasks.byUpid.values())
      if (task.parts.type === 'qmsnapshot') Object.assign(task, { exitstatus: 'unexpected status', endtime: 1 });
    const { failure } = await fixture.run(commandId(), undo(id));
    expect(failure?.reason).toBe('OPERATOR_REQUIRED');
    expect(failure?.cause).toContain('not at work any more');
    expect(lockOf(fixture)).toBe('snapshot');
  });

  it('that breaks itself leaves a lock of its own, which is told the same way', async () => {
    await using fixture = await openWithServer();
    const id = commandId();
    await fixture.run(id, snapshot());
    fixture.simulator.faults.add({ vmid: 20001, action: { kind: 'snapshot-breaks' } });
    const broken = await fixture.run(commandId(), undo(id));
    expect(broken.failure?.parameters).toMatchObject({ lock: 'snapshot-delete', command: 'qm unlock 20001' });
    expect(lockOf(fixture)).toBe('snapshot-delete');
    delete vmOf(fixture)?.config['lock'];
    expect((await fixture.run(commandId(), undo(id))).failure).toBeUndefined();
    expect(vmOf(fixture)?.snapshots).toEqual({});
  });

  it('is waited for by whatever comes next on the server, too', async () => {
    await using fixture = await openWithServer();
    await stopped(fixture, 'timeout', 600);
    const stop = command({ case: 'stopServer', value: web });
    expect((await fixture.run(commandId(), stop)).failure).toBeUndefined();
    expect(vmOf(fixture)?.running).toBeUndefined();
  });
});

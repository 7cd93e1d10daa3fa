import type { MessageInitShape } from '@bufbuild/protobuf';
import { Effect } from '@truffle/api/agent/v1/command';
import { type CollectOrphansSchema, OrphanFate, type OrphansCollected } from '@truffle/api/agent/v1/site_command';
import { deriveId } from '@truffle/ids';
import { describe, expect, it } from 'vitest';
import { DecodedFailure } from '../command/failure.ts';
import { crashEverywhere } from './crash.fixture.ts';
import { command, commandId, ensureServer, type Fixture, openFixture, orgId, type Ran } from './site.fixture.ts';

const srv = (name: string): string => deriveId('srv', name);
const leases = ['a', 'b', 'c'].map((name, at) => ({ vmid: 20001 + at, serverId: srv(name) }));

const collect = (change: MessageInitShape<typeof CollectOrphansSchema> = {}) =>
  command({ case: 'collectOrphans', value: { orgId, leases, ...change } });

const orphansIn = ({ end }: Ran) => (end.output?.output.value as OrphansCollected | undefined)?.orphans ?? [];
const fates = (ran: Ran): [number, OrphanFate][] => orphansIn(ran).map((each) => [each.vmid, each.fate]);

async function openWithServers(): Promise<Fixture> {
  const fixture = await openFixture();
  for (const [at, name] of ['a', 'b', 'c'].entries())
    expect((await fixture.run(commandId(), ensureServer(name, 20001 + at))).failure).toBeUndefined();
  return fixture;
}

describe('CollectOrphans', () => {
  it('lists in a dry run, and removes what is not wanted and nothing else', async () => {
    await using fixture = await openWithServers();
    const { vms } = fixture.simulator.cluster;
    const before = [...vms.keys()];
    const listed = await fixture.run(commandId(), collect({ wantedServerIds: [srv('a')], dryRun: true }));
    expect(fates(listed)).toEqual([
      [20002, OrphanFate.LISTED],
      [20003, OrphanFate.LISTED],
    ]);
    expect([...vms.keys()]).toEqual(before);
    const id = commandId();
    const removed = await fixture.run(id, collect({ wantedServerIds: [srv('a'), srv('c')] }));
    expect(fates(removed)).toEqual([[20002, OrphanFate.REMOVED]]);
    expect(removed.end.effect).toBe(Effect.FULL);
    expect([...vms.keys()]).toEqual(before.filter((vmid) => vmid !== 20002));
    expect(fates(await fixture.run(id, collect({ wantedServerIds: [srv('a'), srv('c')] })))).toEqual([]);
  });

  it('waits for the grace time, from when it first saw one unwanted', async () => {
    await using fixture = await openWithServers();
    const wantedServerIds = [srv('a'), srv('b')];
    const first = await fixture.run(commandId(), collect({ wantedServerIds, graceSeconds: 3_600 }));
    expect(fates(first)).toEqual([[20003, OrphanFate.WAITING]]);
    const wanted = await fixture.run(commandId(), collect({ wantedServerIds: [...wantedServerIds, srv('c')] }));
    expect(fates(wanted)).toEqual([]);
    expect(fixture.simulator.cluster.vms.has(20003)).toBe(true);
  });

  it('reads the proofs again before it removes one', async () => {
    await using fixture = await openWithServers();
    const { cluster, faults } = fixture.simulator;
    // Between the list and the removal somebody takes the VM over: the shutdown of the first one is late.
    faults.add({ task: 'qmshutdown', vmid: 20001, action: { kind: 'task-delay', ms: 300 } });
    const running = fixture.run(commandId(), collect({ wantedServerIds: [] }));
    await expect
      .poll(() => [...cluster.tasks.byUpid.values()].some((task) => task.parts.type === 'qmshutdown'))
      .toBe(true);
    const taken = cluster.vms.get(20002);
    if (taken !== undefined) taken.config['description'] = 'mine now';
    expect(fates(await running)).toEqual([
      [20001, OrphanFate.REMOVED],
      [20002, OrphanFate.FAILED],
      [20003, OrphanFate.REMOVED],
    ]);
    expect(taken?.running).toBeDefined();
  });

  it('and once more after the guest was shut down, which may take long', async () => {
    await using fixture = await openWithServers();
    const { cluster, faults } = fixture.simulator;
    faults.add({ task: 'qmshutdown', vmid: 20001, action: { kind: 'task-delay', ms: 300 } });
    const running = fixture.run(commandId(), collect({ wantedServerIds: [srv('b'), srv('c')] }));
    await expect
      .poll(() => [...cluster.tasks.byUpid.values()].some((task) => task.parts.type === 'qmshutdown'))
      .toBe(true);
    const taken = cluster.vms.get(20001);
    if (taken !== undefined) taken.config['description'] = 'mine now';
    expect(fates(await running)).toEqual([[20001, OrphanFate.FAILED]]);
    expect(cluster.vms.has(20001)).toBe(true);
  });

  it('survives a crash at each point', async () => {
    await using fixture = await openWithServers();
    await crashEverywhere(
      fixture,
      async () => {
        await fixture.run(commandId(), ensureServer('b', 20002));
        return collect({ wantedServerIds: [srv('a'), srv('c')] });
      },
      ({ failure }) => {
        expect(failure).toBeUndefined();
        expect(fixture.simulator.cluster.vms.has(20002)).toBe(false);
        expect(fixture.simulator.cluster.vms.has(20001)).toBe(true);
      },
    );
  });

  it('removes no more than the site’s policy has room for, counting each VM', async () => {
    await using fixture = await openWithServers();
    const asked: string[] = [];
    fixture.removals((name) => {
      if (asked.push(name) > 1) throw new DecodedFailure({ reason: 'POLICY_VIOLATION', message: 'enough for an hour' });
    });
    const id = commandId();
    const ran = await fixture.run(id, collect());
    expect(fates(ran).map(([, fate]) => fate)).toEqual([OrphanFate.REMOVED, OrphanFate.FAILED, OrphanFate.FAILED]);
    expect(asked).toEqual([20001, 20002, 20003].map((vmid) => `${id}/${vmid}`));
    expect(fixture.simulator.cluster.vms.has(20002)).toBe(true);
  });

  it('goes on with the grace time after a restart', async () => {
    await using fixture = await openWithServers();
    const wantedServerIds = [srv('a'), srv('b')];
    await fixture.run(commandId(), collect({ wantedServerIds, graceSeconds: 3_600 }));
    const [seen] = fixture.journal.numbers.unwanted();
    expect(seen).toMatchObject({ vmid: 20003, serverId: srv('c') });
    fixture.journal.numbers.keepUnwanted([{ vmid: 20003, serverId: srv('c'), sinceMs: Date.now() - 3_590_000 }]);
    await fixture.restart();
    const later = await fixture.run(commandId(), collect({ wantedServerIds, graceSeconds: 3_600 }));
    expect(orphansIn(later)[0]?.reason).toMatch(/ends in ([1-9]|10) s/);
    fixture.journal.numbers.keepUnwanted([{ vmid: 20003, serverId: srv('c'), sinceMs: Date.now() - 3_601_000 }]);
    await fixture.restart();
    const due = await fixture.run(commandId(), collect({ wantedServerIds, graceSeconds: 3_600 }));
    expect(fates(due)).toEqual([[20003, OrphanFate.REMOVED]]);
  });

  it('is about the agent’s own organization only', async () => {
    await using fixture = await openWithServers();
    const { failure } = await fixture.run(commandId(), collect({ orgId: deriveId('org', 'other') }));
    expect(failure?.reason).toBe('FOREIGN_ORGANIZATION');
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(true);
  });
});

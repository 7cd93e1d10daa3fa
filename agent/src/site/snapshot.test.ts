import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import { describe, expect, it } from 'vitest';
import { crashEverywhere } from './crash.fixture.ts';
import { command, commandId, ensureServer, type Fixture, openFixture, serverOf, tasksOf } from './site.fixture.ts';

const web = serverOf('web', 20001);
const snapshot = () => command({ case: 'snapshotServer', value: web });
const rollback = (name: string) => command({ case: 'rollbackServer', value: { ...web, snapshot: name } });
const remove = (name: string) => command({ case: 'deleteSnapshot', value: { ...web, snapshot: name } });
const vmOf = ({ simulator }: Fixture) => simulator.cluster.vms.get(20001);

async function openWithServer(yaml = ''): Promise<Fixture> {
  const fixture = await openFixture({}, yaml);
  const { failure } = await fixture.run(commandId(), ensureServer('web', 20001));
  expect(failure).toBeUndefined();
  return fixture;
}

describe('SnapshotServer', () => {
  it('makes one snapshot named after the command, and run twice finds it', async () => {
    await using fixture = await openWithServer();
    const id = commandId();
    const first = await fixture.run(id, snapshot());
    expect(first.failure).toBeUndefined();
    expect(first.end.output?.output).toMatchObject({ case: 'snapshot', value: { name: `tf-${id}` } });
    const again = await fixture.run(id, snapshot());
    expect(again.end.outcome).toBe(Outcome.SUCCEEDED);
    expect(Object.keys(vmOf(fixture)?.snapshots ?? {})).toEqual([`tf-${id}`]);
    expect(tasksOf(fixture, 'qmsnapshot')).toBe(1);
  });

  it('survives a crash at each point, and takes none twice', async () => {
    await using fixture = await openWithServer();
    const crashes = await crashEverywhere(
      fixture,
      () => Promise.resolve(snapshot()),
      ({ failure }, at) => {
        expect(failure).toBeUndefined();
        expect(Object.keys(vmOf(fixture)?.snapshots ?? {})).toHaveLength(at);
      },
    );
    expect(crashes).toBe(3);
    expect(tasksOf(fixture, 'qmsnapshot')).toBe(crashes + 1);
  });

  it('finds its snapshot when the reply was lost', async () => {
    await using fixture = await openWithServer();
    fixture.simulator.faults.add({
      method: 'POST',
      path: '/nodes/pve1/qemu/20001/snapshot',
      action: { kind: 'drop-reply' },
    });
    expect((await fixture.run(commandId(), snapshot())).failure).toBeUndefined();
    expect(tasksOf(fixture, 'qmsnapshot')).toBe(1);
  });

  it('says what a broken one needs, and it can be removed once the lock was cleared', async () => {
    await using fixture = await openWithServer('waits: { lockSeconds: 1 }\n');
    fixture.simulator.faults.add({ vmid: 20001, action: { kind: 'snapshot-breaks' } });
    const id = commandId();
    const broken = await fixture.run(id, snapshot());
    expect(broken.failure?.reason).toBe('OPERATOR_REQUIRED');
    expect(broken.failure?.parameters['command']).toBe('qm unlock 20001');
    const vm = vmOf(fixture);
    delete vm?.config['lock'];
    expect((await fixture.run(commandId(), remove(`tf-${id}`))).failure).toBeUndefined();
    expect((await fixture.run(commandId(), snapshot())).failure).toBeUndefined();
    expect(Object.values(vm?.snapshots ?? {}).map((each) => each.snapstate)).toEqual([undefined]);
  });

  it('touches neither a foreign VM nor one that is not there', async () => {
    await using fixture = await openWithServer();
    const foreign = { ...serverOf('other', 20001) };
    const refused = await fixture.run(commandId(), command({ case: 'snapshotServer', value: foreign }));
    expect(refused.failure?.reason).toBe('PVE_CONFLICT');
    const absent = await fixture.run(commandId(), command({ case: 'snapshotServer', value: serverOf('web', 20002) }));
    expect(absent.failure?.reason).toBe('PVE_SERVER_MISSING');
    expect(absent.end.effect).toBe(Effect.NONE);
  });
});

describe('RollbackServer', () => {
  it('puts the configuration back, once, and the server runs as before', async () => {
    await using fixture = await openWithServer();
    const id = commandId();
    await fixture.run(id, snapshot());
    const vm = vmOf(fixture);
    if (vm !== undefined) vm.config['cores'] = '7';
    const back = commandId();
    const { failure, end } = await fixture.run(back, rollback(`tf-${id}`));
    expect(failure).toBeUndefined();
    expect(end.output?.output).toMatchObject({ case: 'placed', value: { node: 'pve1', running: true } });
    expect(vm?.config['cores']).toBe('1');
    await fixture.run(back, rollback(`tf-${id}`));
    expect(tasksOf(fixture, 'qmrollback')).toBe(1);
  });

  it('survives a crash at each point, and goes back once each time', async () => {
    await using fixture = await openWithServer();
    const id = commandId();
    await fixture.run(id, snapshot());
    const crashes = await crashEverywhere(
      fixture,
      () => Promise.resolve(rollback(`tf-${id}`)),
      ({ failure }) => {
        expect(failure).toBeUndefined();
        expect(vmOf(fixture)?.running).toBeDefined();
      },
    );
    expect(crashes).toBeGreaterThanOrEqual(4);
    expect(tasksOf(fixture, 'qmrollback')).toBe(crashes + 1);
  }, 60_000);

  it('refuses what is not there and what no command made', async () => {
    await using fixture = await openWithServer();
    const missing = await fixture.run(commandId(), rollback(`tf-${commandId()}`));
    expect(missing.failure?.reason).toBe('PVE_SNAPSHOT_MISSING');
    const foreign = await fixture.run(commandId(), rollback('before-upgrade'));
    expect(foreign.failure?.reason).toBe('PVE_SNAPSHOT_FOREIGN');
    expect(tasksOf(fixture, 'qmrollback')).toBe(0);
  });
});

describe('DeleteSnapshot', () => {
  it('removes one, and run again finds it gone', async () => {
    await using fixture = await openWithServer();
    const made = commandId();
    await fixture.run(made, snapshot());
    const id = commandId();
    expect((await fixture.run(id, remove(`tf-${made}`))).end.effect).toBe(Effect.FULL);
    expect((await fixture.run(id, remove(`tf-${made}`))).failure).toBeUndefined();
    expect((await fixture.run(commandId(), remove(`tf-${made}`))).end.effect).toBe(Effect.NONE);
    expect(vmOf(fixture)?.snapshots).toEqual({});
  });

  it('survives a crash at each point', async () => {
    await using fixture = await openWithServer();
    const crashes = await crashEverywhere(
      fixture,
      async () => {
        const made = commandId();
        await fixture.run(made, snapshot());
        return remove(`tf-${made}`);
      },
      ({ failure }) => {
        expect(failure).toBeUndefined();
        expect(vmOf(fixture)?.snapshots).toEqual({});
      },
    );
    expect(crashes).toBeGreaterThanOrEqual(3);
  });

  it('never removes what people made', async () => {
    await using fixture = await openWithServer();
    const { failure } = await fixture.run(commandId(), remove('before-upgrade'));
    expect(failure?.reason).toBe('PVE_SNAPSHOT_FOREIGN');
  });
});

import type { MessageInitShape } from '@bufbuild/protobuf';
import { Effect } from '@truffle/api/agent/v1/command';
import type { MigrateServerSchema } from '@truffle/api/agent/v1/server_command';
import { describe, expect, it } from 'vitest';
import { crashEverywhere } from './crash.fixture.ts';
import {
  command,
  commandId,
  deleteServer,
  ensureServer,
  type Fixture,
  grant,
  openFixture,
  serverOf,
  tasksOf,
} from './site.fixture.ts';

const web = serverOf('web', 20001);
const migrate = (targetNode: string, more: MessageInitShape<typeof MigrateServerSchema> = {}) =>
  command({ case: 'migrateServer', value: { ...web, targetNode, ...more } });
const startServer = command({ case: 'startServer', value: web });
const stopServer = command({ case: 'stopServer', value: web });
const vmOf = ({ simulator }: Fixture) => simulator.cluster.vms.get(20001);

async function openWithServer(yaml = '', change: Parameters<typeof ensureServer>[2] = {}): Promise<Fixture> {
  const fixture = await openFixture({ haMs: 30 }, yaml);
  if (yaml.includes('ha:')) grant(fixture.simulator, '/', ['Sys.Audit', 'Sys.Console']);
  expect((await fixture.run(commandId(), ensureServer('web', 20001, change))).failure).toBeUndefined();
  return fixture;
}

describe('MigrateServer', () => {
  it('moves a running server live and a stopped one cold, and run twice finds it there', async () => {
    await using fixture = await openWithServer();
    const id = commandId();
    const live = await fixture.run(id, migrate('pve2'));
    expect(live.failure).toBeUndefined();
    expect(live.end.output?.output).toMatchObject({ case: 'placed', value: { node: 'pve2', running: true } });
    await fixture.run(id, migrate('pve2'));
    expect(tasksOf(fixture, 'qmigrate')).toBe(1);
    expect((await fixture.run(commandId(), migrate('pve2'))).end.effect).toBe(Effect.NONE);
    await fixture.run(commandId(), stopServer);
    const cold = await fixture.run(commandId(), migrate('pve3'));
    expect(cold.end.output?.output).toMatchObject({ value: { node: 'pve3', running: false } });
  });

  it('survives a crash at each point, and moves once each time', async () => {
    await using fixture = await openWithServer();
    const crashes = await crashEverywhere(
      fixture,
      (at) => Promise.resolve(migrate(at % 2 === 1 ? 'pve2' : 'pve1')),
      ({ failure }, at) => {
        expect(failure).toBeUndefined();
        expect(vmOf(fixture)?.node).toBe(at % 2 === 1 ? 'pve2' : 'pve1');
      },
    );
    expect(crashes).toBe(3);
    expect(tasksOf(fixture, 'qmigrate')).toBe(crashes + 1);
  });

  it('refuses local disks by name, unless they are to be copied along', async () => {
    await using fixture = await openWithServer('storages: [local-lvm]\n', { storage: 'local-lvm' });
    const { failure } = await fixture.run(commandId(), migrate('pve2'));
    expect(failure?.reason).toBe('PVE_LOCAL_STORAGE');
    expect(failure?.message).toContain('local-lvm:vm-20001-disk-0');
    expect(tasksOf(fixture, 'qmigrate')).toBe(0);
    expect((await fixture.run(commandId(), migrate('pve2', { withLocalDisks: true }))).failure).toBeUndefined();
    expect(vmOf(fixture)?.node).toBe('pve2');
  });

  it('refuses a node that is down or not there, and decodes a task that failed', async () => {
    await using fixture = await openWithServer();
    expect((await fixture.run(commandId(), migrate('pve9'))).failure?.reason).toBe('PVE_NODE_UNREACHABLE');
    fixture.simulator.faults.add({
      task: 'qmigrate',
      action: { kind: 'task-fails', text: "migration aborted: can't connect to 'pve2'" },
    });
    const { failure } = await fixture.run(commandId(), migrate('pve2'));
    expect(failure?.reason).toBe('PVE_MIGRATION');
    expect(failure?.logTail.at(-1)).toContain('TASK ERROR');
    expect(vmOf(fixture)?.node).toBe('pve1');
  });
});

describe('StartServer and StopServer', () => {
  it('change the power, and say when there was nothing to do', async () => {
    await using fixture = await openWithServer();
    expect((await fixture.run(commandId(), startServer)).end.effect).toBe(Effect.NONE);
    const stopped = await fixture.run(commandId(), stopServer);
    expect(stopped.end).toMatchObject({ effect: Effect.FULL });
    expect(stopped.end.output?.output).toMatchObject({ value: { running: false } });
    expect((await fixture.run(commandId(), stopServer)).end.effect).toBe(Effect.NONE);
    const started = await fixture.run(commandId(), startServer);
    expect(started.end.output?.output).toMatchObject({ value: { running: true } });
  });

  it('survive a crash at each point', async () => {
    await using fixture = await openWithServer();
    await crashEverywhere(
      fixture,
      async () => {
        await fixture.run(commandId(), startServer);
        return stopServer;
      },
      () => expect(vmOf(fixture)?.running).toBeUndefined(),
    );
    await crashEverywhere(
      fixture,
      async () => {
        await fixture.run(commandId(), stopServer);
        return startServer;
      },
      () => expect(vmOf(fixture)?.running).toBeDefined(),
    );
  });

  it('cut the power of a guest that does not listen, after the time that was given', async () => {
    await using fixture = await openWithServer();
    fixture.simulator.faults.add({ vmid: 20001, times: null, action: { kind: 'guest-hangs' } });
    const payload = command({ case: 'stopServer', value: { ...web, shutdownSeconds: 1 } });
    const { failure } = await fixture.run(commandId(), payload);
    expect(failure).toBeUndefined();
    expect(vmOf(fixture)?.running).toBeUndefined();
    expect(tasksOf(fixture, 'qmstop')).toBe(1);
  });
});

describe('a server under high availability', () => {
  const managed = { highAvailability: true };

  it('is managed, and starts, stops and moves by requests that only queue', async () => {
    await using fixture = await openWithServer('ha: {}\n', managed);
    expect(fixture.simulator.cluster.ha.resources.get(20001)?.state).toBe('started');
    const stopped = await fixture.run(commandId(), stopServer);
    expect(stopped.end.output?.output).toMatchObject({ value: { running: false } });
    const started = await fixture.run(commandId(), startServer);
    expect(started.end.output?.output).toMatchObject({ value: { running: true } });
    const moved = await fixture.run(commandId(), migrate('pve2'));
    expect(moved.end.output?.output).toMatchObject({ value: { node: 'pve2' } });
    expect([tasksOf(fixture, 'hastop'), tasksOf(fixture, 'hastart'), tasksOf(fixture, 'hamigrate')]).toEqual([1, 1, 1]);
  });

  it('is taken out of it when it is deleted', async () => {
    await using fixture = await openWithServer('ha: {}\n', managed);
    expect((await fixture.run(commandId(), deleteServer('web', 20001))).failure).toBeUndefined();
    expect(fixture.simulator.cluster.ha.resources.size).toBe(0);
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(false);
  });

  it('is refused where the site offers none', async () => {
    await using fixture = await openFixture();
    const { failure } = await fixture.run(commandId(), ensureServer('web', 20001, managed));
    expect(failure?.reason).toBe('SITE_NOT_OFFERED');
    expect(tasksOf(fixture, 'qmclone')).toBe(0);
  });
});

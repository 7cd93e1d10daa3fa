// Every driver is held to this, on what it drives: Proxmox VE on the simulator, QEMU on real guests.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Effect, type EnsureServer, Outcome, type ServerObserved } from '@truffle/api/agent/v1/command';
import type { ServerPlaced, ServerResized, SnapshotObserved } from '@truffle/api/agent/v1/server_command';
import { OrphanFate, type OrphansCollected } from '@truffle/api/agent/v1/site_command';
import { deriveId } from '@truffle/ids';
import { listMachines, readRecord, writeRecord } from '@truffle/qemu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentFixture } from './agent.fixture.ts';
import { driverKinds } from './driver.ts';
import { buildMs, fastImage, guestMs, noGuests, openQemuFixture, running } from './qemu.fixture.ts';
import { command, commandId, Crash, deleteServer, ensureServer, openFixture, orgId, serverOf } from './site.fixture.ts';

/** A driver at work, and what is there behind its back. */
interface Subject {
  readonly agent: AgentFixture;
  /** A server of this name and number, as small as the driver takes. */
  readonly server: (
    name: string,
    vmid: number,
    change?: Parameters<typeof ensureServer>[2],
  ) => ReturnType<typeof ensureServer>;
  readonly node: string;
  /** Numbers of all machines that are there. */
  readonly there: () => readonly number[];
  readonly runs: (vmid: number) => boolean;
  /** Makes the machine another owner's. */
  readonly alienate: (vmid: number) => void;
  /** What is left of a machine that is gone: files, processes, tasks; empty for nothing. */
  readonly remains: (vmid: number) => readonly string[];
}

const gib = 2n ** 30n;
const mib = 2n ** 20n;

async function openPveSubject(): Promise<Subject> {
  const agent = await openFixture();
  const { cluster } = agent.simulator;
  const there = () => [...cluster.vms.values()].filter((vm) => vm.config['template'] !== '1').map(({ vmid }) => vmid);
  return {
    agent,
    server: (name, vmid, change = {}) => ensureServer(name, vmid, change),
    node: 'pve1',
    there,
    runs: (vmid) => cluster.vms.get(vmid)?.running !== undefined,
    alienate: (vmid) => {
      const vm = cluster.vms.get(vmid);
      const uuid = 'uuid=00000000-0000-4000-8000-000000000000';
      if (vm !== undefined) Object.assign(vm.config, { description: 'the database', tags: '', smbios1: uuid });
    },
    remains: (vmid) =>
      there()
        .filter((each) => each === vmid)
        .map(String),
  };
}

async function openQemuSubject(): Promise<Subject> {
  const agent = await openQemuFixture({ 'debian-12': await fastImage() });
  const { machines } = agent;
  const inventory = await agent.site.inventory();
  return {
    agent,
    server: (name, vmid, change = {}) =>
      ensureServer(name, vmid, { memoryBytes: 128n * mib, diskBytes: gib, ...change }),
    node: inventory.nodes[0]?.name ?? '',
    there: () => listMachines(machines).map(Number),
    runs: (vmid) => running(agent).includes(vmid),
    alienate: (vmid) => {
      const folder = join(machines, String(vmid));
      const record = readRecord(folder);
      if (record !== undefined) writeRecord(folder, { ...record, labels: { description: 'the database' } });
    },
    remains: (vmid) => readdirSync(machines).filter((name) => name.startsWith(String(vmid))),
  };
}

const drivers = [
  { driver: 'pve', open: openPveSubject, skip: undefined },
  { driver: 'qemu', open: openQemuSubject, skip: noGuests },
] as const;

describe.each(drivers)('the driver $driver', ({ open, skip }) => {
  describe.skipIf(skip !== undefined)(skip === undefined ? 'on its site' : `(skipped: ${skip})`, () => {
    let subject: Subject;
    const first = 20_001;
    const run = (payload: ReturnType<typeof command>, id = commandId()) => subject.agent.run(id, payload);

    beforeAll(async () => {
      subject = await open();
    }, buildMs);
    afterAll(async () => {
      await subject?.agent[Symbol.asyncDispose]();
    });

    it('has a handler for every kind of command in the contract', () => {
      const kinds = subject.agent.site.handlers.map((each) => each.kind);
      expect(kinds).toEqual(expect.arrayContaining([...driverKinds()]));
    });

    it('is ready, and says what it offers', async () => {
      const inventory = await subject.agent.site.inventory();
      expect(inventory.problems).toEqual([]);
      expect(inventory.images.map(({ name }) => name)).toContain('debian-12');
      expect(inventory.networks.map(({ name }) => name)).toEqual(['lan']);
      expect(inventory.nodes.map(({ name }) => name)).toContain(subject.node);
    });

    it(
      'makes a server through one crash after another, and makes it once',
      async () => {
        const id = commandId();
        const payload = subject.server('web-1', first);
        for (let crashAt = 1; ; crashAt++) {
          try {
            const { end, failure } = await subject.agent.run(id, payload, { crashAt: Math.ceil(crashAt / 2) });
            expect(failure).toBeUndefined();
            expect(end.effect).toBe(Effect.FULL);
            break;
          } catch (error) {
            if (!(error instanceof Crash)) throw error;
          }
        }
        expect(subject.there()).toEqual([first]);
        expect(subject.runs(first)).toBe(true);
      },
      guestMs * 2,
    );

    it(
      'finds it when it is asked to make it again, also after a restart of the agent',
      async () => {
        await subject.agent.restart();
        const { end, failure } = await run(subject.server('web-1', first));
        expect(failure).toBeUndefined();
        const seen = end.output?.output.value as ServerObserved;
        expect(seen).toMatchObject({ vmid: first, node: subject.node });
        expect(seen.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
        expect(seen.mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
        expect(subject.there()).toEqual([first]);
      },
      guestMs * 2,
    );

    it('grows its disk, shrinks none, and says what waits for a restart', async () => {
      const resize = (change: object) =>
        run(
          command({
            case: 'resizeServer',
            value: { ...serverOf('web-1', first), cpu: 0, memoryBytes: 0n, diskBytes: 0n, ...change },
          }),
        );
      const grown = await resize({ diskBytes: 10n * gib, cpu: 2 });
      expect(grown.failure).toBeUndefined();
      expect(grown.end.output?.output.value as ServerResized).toMatchObject({ cpu: 2, diskBytes: 10n * gib });
      const shrunk = await resize({ diskBytes: gib / 2n });
      expect(shrunk.failure).toMatchObject({ reason: expect.stringMatching(/SHRINK$/), remedy: expect.any(String) });
    });

    it(
      'stands still and runs as it is told, and says when that was so already',
      async () => {
        const power = (kind: 'startServer' | 'stopServer') =>
          run(command({ case: kind, value: serverOf('web-1', first) }));
        const effects = [];
        for (const kind of ['stopServer', 'stopServer', 'startServer', 'startServer'] as const) {
          const { end, failure } = await power(kind);
          expect(failure).toBeUndefined();
          const placed = end.output?.output.value as ServerPlaced | undefined;
          expect(placed?.running).toBe(kind === 'startServer');
          expect(subject.runs(first)).toBe(kind === 'startServer');
          effects.push(end.effect);
        }
        expect(effects).toEqual([Effect.FULL, Effect.NONE, Effect.FULL, Effect.NONE]);
      },
      guestMs * 2,
    );

    it(
      'takes a snapshot once, puts a server back to it, and removes it',
      async () => {
        const server = serverOf('web-1', first);
        const id = commandId();
        const take = command({ case: 'snapshotServer', value: { ...server, includeMemory: false } });
        const taken = await subject.agent.run(id, take);
        expect(taken.failure).toBeUndefined();
        const { name = '', madeAt } = (taken.end.output?.output.value as SnapshotObserved | undefined) ?? {};
        const again = await subject.agent.run(id, take);
        expect(again.end.output?.output.value as SnapshotObserved).toMatchObject({ name, madeAt });
        const back = await run(command({ case: 'rollbackServer', value: { ...server, snapshot: name } }));
        expect(back.failure).toBeUndefined();
        expect(subject.runs(first)).toBe(true);
        const removal = command({ case: 'deleteSnapshot', value: { ...server, snapshot: name } });
        expect((await run(removal)).end.effect).toBe(Effect.FULL);
        expect((await run(removal)).end.effect).toBe(Effect.NONE);
        const missing = await run(command({ case: 'rollbackServer', value: { ...server, snapshot: name } }));
        expect(missing.failure?.reason).toMatch(/SNAPSHOT_MISSING$/);
        const foreign = await run(
          command({ case: 'deleteSnapshot', value: { ...server, snapshot: 'before-upgrade' } }),
        );
        expect(foreign.failure?.reason).toMatch(/SNAPSHOT_FOREIGN$/);
      },
      guestMs * 2,
    );

    it('moves it nowhere that it can not be, and says why', async () => {
      const move = (targetNode: string) =>
        run(command({ case: 'migrateServer', value: { ...serverOf('web-1', first), targetNode } }));
      expect((await move(subject.node)).end).toMatchObject({ outcome: Outcome.SUCCEEDED, effect: Effect.NONE });
      const { failure } = await move('nowhere');
      expect(failure).toMatchObject({ message: expect.stringMatching(/nowhere/), remedy: expect.stringMatching(/./) });
    });

    it(
      'keeps one running whose machine ended',
      async () => {
        const { keep } = subject.agent.site;
        const server = subject.server('web-1', first).op.value as EnsureServer;
        const signal = AbortSignal.timeout(60_000);
        expect(await keep?.look(server, signal)).toEqual({ state: 'running' });
        await run(command({ case: 'stopServer', value: { ...serverOf('web-1', first), shutdownSeconds: 1 } }));
        expect(await keep?.look(server, signal)).toEqual({ state: 'stopped' });
        await keep?.start(server, signal);
        expect(await keep?.look(server, signal)).toEqual({ state: 'running' });
      },
      guestMs * 2,
    );

    it('refuses what the site does not offer, with what to do', async () => {
      const wrong = [
        subject.server('web-2', 20_002, { image: 'nothing' }),
        subject.server('web-2', 20_002, { networks: ['nothing'] }),
        subject.server('web-2', 20_002, { storage: 'nothing' }),
        subject.server('web-2', 77),
      ];
      for (const payload of wrong) {
        const { end, failure } = await run(payload);
        expect(end.outcome).toBe(Outcome.FAILED);
        expect(failure?.reason).toMatch(/^SITE_/);
        expect(failure?.remedy).toMatch(/./);
      }
      expect(subject.there()).toEqual([first]);
    });

    it(
      'finds an orphan, waits, spares what is wanted, and removes it with all that it had',
      async () => {
        const serverId = deriveId('srv', 'web-1');
        const leases = [{ vmid: first, serverId }];
        const collect = async (change: object) => {
          const { end, failure } = await run(command({ case: 'collectOrphans', value: { orgId, leases, ...change } }));
          expect(failure).toBeUndefined();
          return (end.output?.output.value as OrphansCollected | undefined)?.orphans.map(({ vmid, fate }) => [
            vmid,
            fate,
          ]);
        };
        expect(await collect({ wantedServerIds: [serverId] })).toEqual([]);
        expect(await collect({ leases: [] })).toEqual([]);
        expect(await collect({ graceSeconds: 60 })).toEqual([[first, OrphanFate.WAITING]]);
        expect(await collect({ dryRun: true })).toEqual([[first, OrphanFate.LISTED]]);
        expect(subject.there()).toEqual([first]);
        expect(await collect({})).toEqual([[first, OrphanFate.REMOVED]]);
        expect(subject.there()).toEqual([]);
        expect(subject.remains(first)).toEqual([]);
      },
      guestMs * 2,
    );

    it(
      'never touches a machine of somebody else on its number',
      async () => {
        expect((await run(subject.server('web-3', 20_003))).failure).toBeUndefined();
        subject.alienate(20_003);
        const server = serverOf('web-3', 20_003);
        for (const payload of [
          subject.server('web-3', 20_003),
          deleteServer('web-3', 20_003),
          command({ case: 'stopServer', value: server }),
          command({ case: 'snapshotServer', value: server }),
          command({ case: 'resizeServer', value: { ...server, diskBytes: 20n * gib } }),
        ]) {
          const { failure } = await run(payload);
          expect(failure?.reason).toMatch(/CONFLICT$/);
        }
        expect(subject.runs(20_003)).toBe(true);
      },
      guestMs * 2,
    );

    it(
      'removes a server once, and finds it gone after that',
      async () => {
        // A template may leave the network to the site.
        const { end, failure: none } = await run(subject.server('web-4', 20_004, { networks: [] }));
        expect(none).toBeUndefined();
        expect((end.output?.output.value as ServerObserved | undefined)?.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
        const effects = [];
        for (const _ of [1, 2]) effects.push((await run(deleteServer('web-4', 20_004))).end.effect);
        expect(effects).toEqual([Effect.FULL, Effect.NONE]);
        expect(subject.remains(20_004)).toEqual([]);
        const { failure } = await run(command({ case: 'startServer', value: serverOf('web-4', 20_004) }));
        expect(failure?.reason).toMatch(/SERVER_MISSING$/);
      },
      guestMs * 2,
    );
  });
});

import { join } from 'node:path';
import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { declarationOf } from '../command/declaration.ts';
import type { Declaration } from '../journal/declared.ts';
import { Journal } from '../journal/journal.ts';
import { testEntry } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { Keeper, type KeepSite } from './keeper.ts';

/** A site with one server that stops when told to, and a keeper that watches it. */
class Bench {
  readonly clock = new VirtualClock();
  readonly path = join(testFolder(), 'journal.db');
  readonly journal = new Journal(this.path, (error) => {
    throw error;
  });
  connected = false;
  running = true;
  locked = '';
  breaks = false;
  starts = 0;
  objection: string | undefined;
  readonly keeper: Keeper;

  constructor() {
    const site: KeepSite = {
      look: () =>
        Promise.resolve(
          this.running
            ? { state: 'running' }
            : this.locked === ''
              ? { state: 'stopped' }
              : { state: 'hands off', why: this.locked },
        ),
      start: () => {
        if (this.breaks) return Promise.reject(new Error('no node is up'));
        this.starts++;
        this.running = true;
        return Promise.resolve();
      },
    };
    this.keeper = new Keeper({
      journal: this.journal,
      site,
      connected: () => this.connected,
      claim: () => () => undefined,
      clock: this.clock,
      random: () => 1,
      log: pino({ level: 'silent' }),
      objection: () => this.objection,
    });
    this.keeper.start();
    onTestFinished(async () => {
      await this.keeper.stop();
      this.journal.close();
    });
  }

  /** A command on the server's VM, ended with what it declares. */
  did(id: string, fence: number, declares?: Declaration): void {
    const op = { case: 'ensureServer', value: { serverId: 'srv_1', vmid: 100 } } as never;
    this.journal.accept(testEntry({ id, resourceKey: 'vm', fence, op }));
    this.journal.permit(id, 1);
    this.journal.end(id, () => new Uint8Array([1]), declares);
    this.journal.forget(id);
  }

  get notes(): string[] {
    return this.journal.declared.notes().map(({ outcome, detail }) => [outcome, detail].join(' ').trim());
  }
}

const minutes = (n: number): number => n * 60_000;

test('starts a server again while no gateway is there, and tells it afterwards', async () => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  bench.running = false;
  await bench.clock.pass(minutes(1));
  expect(bench.starts).toBe(0);
  await bench.clock.pass(minutes(1));
  expect(bench.starts).toBe(1);
  expect(bench.notes).toEqual(['started']);
  const [note] = bench.journal.declared.notes();
  expect(note).toMatchObject({ resourceKey: 'vm', serverId: 'srv_1' });
  bench.journal.declared.told(note?.n ?? 0);
  expect(bench.notes).toEqual([]);
});

test('leaves a stopped server to the gateway while there is one', async () => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  bench.running = false;
  bench.connected = true;
  await bench.clock.pass(minutes(30));
  expect(bench.starts).toBe(0);
});

test.each<[string, (bench: Bench) => void]>([
  ['a newer intent was done', (bench) => bench.did('cmd_2', 2)],
  [
    'a newer command waits for its permit',
    (bench) => void bench.journal.accept(testEntry({ id: 'cmd_2', resourceKey: 'vm', fence: 2 })),
  ],
  [
    'a command of the same intent is at work',
    (bench) => {
      bench.journal.accept(testEntry({ id: 'cmd_2', resourceKey: 'vm', fence: 1 }));
      bench.journal.permit('cmd_2', 1);
    },
  ],
])('does nothing when %s', async (_what, newer) => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  newer(bench);
  bench.running = false;
  await bench.clock.pass(minutes(30));
  expect([bench.starts, bench.notes]).toEqual([0, []]);
});

test('a newer deployment onto the server changes nothing about that it is to run', async () => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  bench.did('cmd_2', 2, 'stays');
  bench.running = false;
  await bench.clock.pass(minutes(3));
  expect(bench.starts).toBe(1);
});

test('what was stopped on purpose stays so, whatever is done to it later', async () => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  bench.did('cmd_2', 2, 'rests');
  bench.did('cmd_3', 3, 'stays');
  bench.running = false;
  await bench.clock.pass(minutes(30));
  expect([bench.starts, bench.notes]).toEqual([0, []]);
});

test('what was started on purpose again is kept again, and what is gone is not', async () => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  bench.did('cmd_2', 2, 'rests');
  bench.did('cmd_3', 3, 'starts');
  bench.did('cmd_4', 4, 'stays');
  bench.running = false;
  await bench.clock.pass(minutes(3));
  expect(bench.starts).toBe(1);
  bench.did('cmd_5', 5, 'ends');
  bench.did('cmd_6', 6, 'starts');
  bench.running = false;
  await bench.clock.pass(minutes(30));
  expect(bench.starts).toBe(1);
});

test.each<[string, Outcome, Effect, string | undefined]>([
  ['ensureServer', Outcome.SUCCEEDED, Effect.FULL, 'runs'],
  ['ensureServer', Outcome.FAILED, Effect.PARTIAL, undefined],
  ['runDeployment', Outcome.SUCCEEDED, Effect.FULL, 'stays'],
  ['runDeployment', Outcome.FAILED, Effect.PARTIAL, undefined],
  ['stopServer', Outcome.SUCCEEDED, Effect.FULL, 'rests'],
  ['stopServer', Outcome.SUCCEEDED, Effect.NONE, 'rests'],
  ['stopServer', Outcome.FAILED, Effect.PARTIAL, 'rests'],
  ['startServer', Outcome.SUCCEEDED, Effect.NONE, 'starts'],
  ['startServer', Outcome.FAILED, Effect.PARTIAL, undefined],
  ['rollbackServer', Outcome.SUCCEEDED, Effect.FULL, 'stays'],
  ['stopServer', Outcome.CANCELLED, Effect.NONE, undefined],
  ['deleteServer', Outcome.SUCCEEDED, Effect.FULL, 'ends'],
])('%s that ended as %d with effect %d says of its server: %s', (kind, outcome, effect, expected) => {
  expect(declarationOf(kind as 'ensureServer', { outcome, effect })).toBe(expected);
});

test('leaves what is locked, and what the owner of the site objects to, and says so once', async () => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  bench.running = false;
  bench.locked = 'VM 100 is locked: backup';
  await bench.clock.pass(minutes(10));
  bench.locked = '';
  bench.objection = 'not in a maintenance window';
  await bench.clock.pass(minutes(10));
  expect(bench.starts).toBe(0);
  expect(bench.notes).toEqual(['left VM 100 is locked: backup', 'left not in a maintenance window']);
});

test('tries what fails or stops again with back-off, three times an hour at most', async () => {
  const bench = new Bench();
  bench.did('cmd_1', 1, 'runs');
  bench.running = false;
  bench.breaks = true;
  await bench.clock.pass(minutes(60));
  expect(bench.notes.filter((note) => note === 'failed no node is up')).toHaveLength(3);
  expect(bench.notes).toHaveLength(4);
  bench.breaks = false;
  await bench.clock.pass(minutes(60));
  expect(bench.starts).toBe(1);
});

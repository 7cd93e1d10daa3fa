import { join } from 'node:path';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { Watch } from '../journal/declared.ts';
import { Journal } from '../journal/journal.ts';
import { testEntry } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { HealthKeeper } from './health-keeper.ts';
import type { Seen } from './keeping.ts';

const watchOf = (deployment: string, units: readonly string[] = ['db']): Watch => ({
  deployment,
  address: '10.0.0.1',
  health: { kind: 'tcp', port: 5432, timeoutMs: 60_000, intervalMs: 2_000, remedy: { units, failures: 3 } },
});

/** Servers by resource, and a keeper of their health. */
class Bench {
  readonly clock = new VirtualClock();
  readonly #path = join(testFolder(), 'journal.db');
  journal = this.#open();
  /** What is wrong with each server; by its resource. */
  readonly wrong = new Map<string, string>();
  readonly remedied: string[] = [];
  seen: Seen = { state: 'running' };
  helps = true;
  breaks = false;
  busy = false;
  objection: string | undefined;
  told = 0;
  keeper = this.#start();

  constructor() {
    onTestFinished(async () => {
      await this.keeper.stop();
      this.journal.close();
    });
  }

  #open(): Journal {
    return new Journal(this.#path, (error) => {
      throw error;
    });
  }

  #start(): HealthKeeper {
    const keeper = new HealthKeeper({
      journal: this.journal,
      site: {
        look: () => Promise.resolve(this.seen),
        check: ({ serverId }) => Promise.resolve(this.wrong.get(serverId)),
        remedy: ({ serverId }) => {
          this.remedied.push(serverId);
          if (this.breaks) return Promise.reject(new Error('no such unit'));
          if (this.helps) this.wrong.delete(serverId);
          return Promise.resolve();
        },
      },
      claim: () => (this.busy ? undefined : () => undefined),
      noted: () => void this.told++,
      clock: this.clock,
      random: () => 0.5,
      log: pino({ level: 'silent' }),
      objection: () => this.objection,
    });
    keeper.start();
    return keeper;
  }

  /** The process ends and begins anew. */
  async restart(): Promise<void> {
    await this.keeper.stop();
    this.journal.close();
    this.journal = this.#open();
    this.keeper = this.#start();
  }

  /** A server that was asked for and deployed. */
  serve(name: string, watch: Watch | undefined = watchOf('db')): void {
    this.#end(`${name}-1`, name, 1, 'ensureServer', 'runs');
    this.deploy(name, 2, watch);
  }

  deploy(name: string, fence: number, watch: Watch | undefined): void {
    this.#end(`${name}-${fence}`, name, fence, 'runDeployment', 'stays', { deployment: 'db', watch });
  }

  #end(id: string, name: string, fence: number, kind: string, ...said: [never, never?] | unknown[]): void {
    const op = { case: kind, value: { serverId: name } } as never;
    this.journal.accept(testEntry({ id, resourceKey: name, fence, op }));
    this.journal.permit(id, 1);
    this.journal.end(id, () => new Uint8Array([1]), ...(said as [never, never]));
    this.journal.forget(id);
  }

  minutes(n: number): Promise<void> {
    return this.clock.pass(n * 60_000);
  }

  get notes(): string[] {
    return this.journal.declared
      .notes()
      .map(({ serverId, outcome, detail }) => `${serverId} ${outcome} ${detail}`.trim());
  }
}

test('asks three times before it acts, and says what it did and that it helped', async () => {
  const bench = new Bench();
  bench.serve('a');
  bench.wrong.set('a', 'port 5432 is shut');
  await bench.clock.pass(75_000);
  expect(bench.remedied).toEqual([]);
  await bench.minutes(2);
  expect(bench.remedied).toEqual(['a']);
  expect(bench.notes).toEqual(['a remedied db: port 5432 is shut; restarted db (1 of 3)', 'a healthy']);
  expect(bench.told).toBe(2);
});

test('tries what does not help three times, then says so once, across restarts too', async () => {
  const bench = new Bench();
  bench.serve('a', watchOf('db', []));
  bench.wrong.set('a', 'shut');
  bench.helps = false;
  for (let n = 0; n < 12; n++) {
    await bench.minutes(10);
    await bench.restart();
  }
  expect(bench.remedied).toHaveLength(3);
  expect(bench.notes).toHaveLength(4);
  expect(bench.notes[3]).toBe('a unhealthy db: shut; its remedy was applied 3 times and did not help');
  bench.deploy('a', 3, watchOf('db'));
  await bench.minutes(10);
  expect(bench.remedied.length).toBeGreaterThan(3);
});

test('says when a remedy fails', async () => {
  const bench = new Bench();
  bench.serve('a');
  bench.wrong.set('a', 'shut');
  bench.breaks = true;
  await bench.minutes(2);
  expect(bench.notes).toEqual(['a remedy-failed db: shut; its remedy failed: no such unit']);
});

test('what was under way when the agent ended is told as such, and counts', async () => {
  const bench = new Bench();
  bench.serve('a');
  const acting = { tries: 1, nextAt: 0, at: [], left: '', noted: true, acting: 'restarted db' };
  bench.journal.declared.remember({ resourceKey: 'a', serverId: 'a' }, JSON.stringify(acting));
  await bench.restart();
  expect(bench.notes).toEqual(['a remedy-failed the agent ended during: restarted db']);
  bench.wrong.set('a', 'shut');
  await bench.minutes(2);
  expect(bench.notes[1]).toContain('(2 of 3)');
});

test.each<[string, (bench: Bench) => void]>([
  ['a command is at work on it', (bench) => (bench.busy = true)],
  [
    'a newer command waits for its permit',
    (bench) => void bench.journal.accept(testEntry({ id: 'c', resourceKey: 'a', fence: 9 })),
  ],
  ['it stands still', (bench) => (bench.seen = { state: 'stopped' })],
  ['its newest deployment declares no remedy', (bench) => bench.deploy('a', 3, undefined)],
])('does and says nothing while %s', async (_what, arrange) => {
  const bench = new Bench();
  bench.serve('a');
  bench.wrong.set('a', 'shut');
  arrange(bench);
  await bench.minutes(30);
  expect([bench.remedied, bench.notes]).toEqual([[], []]);
});

test('leaves what is locked, and what the owner of the site objects to, and says so once', async () => {
  const bench = new Bench();
  bench.serve('a');
  bench.wrong.set('a', 'shut');
  bench.seen = { state: 'running', hold: 'VM 100 is locked: backup' };
  await bench.minutes(10);
  bench.seen = { state: 'running' };
  bench.objection = 'exec is off';
  await bench.minutes(10);
  expect(bench.remedied).toEqual([]);
  expect(bench.notes).toEqual(['a unhealthy db: shut; VM 100 is locked: backup', 'a unhealthy db: shut; exec is off']);
});

test('touches none when most are unhealthy at once', async () => {
  const bench = new Bench();
  for (const name of ['a', 'b', 'c', 'd']) {
    bench.serve(name);
    if (name !== 'd') bench.wrong.set(name, 'shut');
  }
  await bench.minutes(10);
  expect(bench.remedied).toEqual([]);
  expect(bench.notes).toHaveLength(3);
  expect(bench.notes[0]).toContain('3 of 4 servers are unhealthy at once');
  bench.wrong.delete('a');
  await bench.minutes(10);
  expect(bench.remedied.toSorted()).toEqual(['b', 'c']);
});

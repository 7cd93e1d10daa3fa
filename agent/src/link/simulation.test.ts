import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { CommandResultSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import * as fc from 'fast-check';
import pino from 'pino';
import { expect, test } from 'vitest';
import { Reports } from '../command/report.ts';
import { Runner } from '../command/runner.ts';
import { Journal } from '../journal/journal.ts';
import { testCommand } from '../testing/entry.ts';
import { openGate } from '../testing/gate.ts';
import { testFolder } from '../testing/folder.ts';
import { countingHandler, ModelGateway, type ModelWorld } from '../testing/model.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { Link } from './link.ts';

const log = pino({ level: 'silent' });

/** An agent that can die and live again on the same journal. */
class Mortal {
  readonly #path: string;
  readonly #clock: VirtualClock;
  readonly #gateway: ModelGateway;
  readonly #world: ModelWorld;
  readonly #random: () => number;
  #journal: Journal | undefined;

  constructor(
    path: string,
    parts: { clock: VirtualClock; gateway: ModelGateway; world: ModelWorld; random: () => number },
  ) {
    this.#path = path;
    this.#clock = parts.clock;
    this.#gateway = parts.gateway;
    this.#world = parts.world;
    this.#random = parts.random;
    this.live();
  }

  get held(): number {
    return this.#journal?.size() ?? 0;
  }

  /** Dies without a word, then starts anew. */
  crash(): void {
    this.die();
    this.live();
  }

  die(): void {
    this.#world.life += 1;
    this.#gateway.forgetStreams();
    this.#journal?.close();
  }

  live(): void {
    const life = this.#world.life;
    const inner = this.#clock;
    // Timers of a process that died never fire.
    const clock = {
      now: () => inner.now(),
      wall: () => inner.wall(),
      after: (ms: number, act: () => void) => inner.after(ms, () => this.#world.life === life && act()),
    };
    const journal = new Journal(this.#path, (error) => {
      throw error;
    });
    this.#journal = journal;
    const current: { link?: Link } = {};
    const reports = new Reports({ journal, clock, wake: (urgency) => current.link?.wake(urgency) });
    const handlers = [countingHandler(this.#world, inner, this.#random)];
    const runner = new Runner({ journal, reports, handlers, gate: openGate, clock, log });
    const random = this.#random;
    current.link = new Link({
      journal,
      runner,
      reports,
      dialer: this.#gateway,
      clock,
      random,
      log,
      endpoints: ['a:1', 'b:1'],
      version: '1',
    });
    runner.recover();
    current.link.start();
  }
}

/** Random numbers from a seed (mulberry32), so that a failed run can be had again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), n: fc.integer({ min: 1, max: 8_000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('enqueue' as const), n: fc.integer({ min: 0, max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('break' as const, 'crash' as const, 'repeat' as const),
      n: fc.constant(0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('drain' as const, 'silence' as const, 'cancel' as const),
      n: fc.nat(50),
    }),
  },
);

test('whatever breaks, a command takes effect at most once and its end becomes known', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 40 }), fc.integer(), async (events, seed) => {
      const random = seeded(seed);
      const clock = new VirtualClock();
      const gateway = new ModelGateway(clock, random);
      const world: ModelWorld = { effects: new Map(), life: 0 };
      const agent = new Mortal(join(testFolder(), 'journal.db'), { clock, gateway, world, random });
      const ids: string[] = [];
      for (const { kind, n } of events) {
        if (kind === 'pass') await clock.pass(n);
        else if (kind === 'enqueue') {
          ids.push(`cmd_${ids.length}`);
          gateway.enqueue(testCommand({ id: ids.at(-1) ?? '', resourceKey: `r${n}`, fence: 1 }));
        } else if (kind === 'cancel') gateway.cancel(ids[n % Math.max(ids.length, 1)] ?? '');
        else if (kind === 'silence') gateway.silence(!gateway.silent);
        else if (kind === 'crash') agent.crash();
        else gateway[kind]();
      }
      gateway.silence(false);
      await clock.pass(3_600_000, () => gateway.settled && agent.held === 0);
      agent.die();
      expect(gateway.violations).toEqual([]);
      expect(gateway.settled).toBe(true);
      for (const [id, { result }] of gateway.commands) {
        const end = fromBinary(CommandResultSchema, result ?? new Uint8Array());
        const effects = world.effects.get(id) ?? 0;
        expect(effects).toBeLessThanOrEqual(1);
        if (end.outcome === Outcome.SUCCEEDED) expect(effects).toBe(1);
        if (end.effect === Effect.NONE) expect(effects).toBe(0);
      }
    }),
    { numRuns: Number(process.env['TRUFFLE_SIMULATION_RUNS'] ?? 60) },
  );
}, 120_000);

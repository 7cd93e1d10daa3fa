import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { LinkResponseSchema, type LinkResponse } from '@truffle/api/agent/v1/link';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Action, Input, Session } from './phase.ts';
import { advance, dialMs, newSession, wakeAt } from './session.ts';

type Frame = NonNullable<MessageInitShape<typeof LinkResponseSchema>['frame']>;
const frameOf = (frame: Frame): LinkResponse['frame'] => create(LinkResponseSchema, { frame }).frame;
const welcome = (epoch = 1n, endpoints: string[] = []): LinkResponse['frame'] =>
  frameOf({ case: 'welcome', value: { epoch, heartbeatMs: 10_000, continuity: new Uint8Array([1]), endpoints } });

/** A session under test: keeps the time and what was answered. */
class Bench {
  session: Session;
  now = 0;
  random = 0.5;
  actions: readonly Action[] = [];
  constructor(endpoints: string[] = ['a:1', 'b:1']) {
    this.session = newSession(endpoints, 0);
  }
  give(input: Input): readonly Action[] {
    [this.session, this.actions] = advance(this.session, input, { now: this.now, random: () => this.random });
    return this.actions;
  }
  /** Goes to the next wake-up and ticks. */
  tick(): readonly Action[] {
    this.now = wakeAt(this.session) ?? this.now;
    return this.give({ on: 'tick' });
  }
  /** Dials until there is a session; its stream. */
  toReady(epoch = 1n, endpoints: string[] = []): number {
    const stream = this.session.lastStream + 1;
    this.tick();
    this.give({ on: 'connected', stream });
    this.give({ on: 'frame', stream, frame: welcome(epoch, endpoints) });
    return stream;
  }
  get kinds(): string[] {
    return this.actions.map((action) => action.do);
  }
}

describe('the watchdog', () => {
  /** Fails attempts until `ms` have passed; how often it despaired. */
  const alone = (bench: Bench, ms: number, refused: boolean): number => {
    let despaired = 0;
    const until = bench.now + ms;
    while ((wakeAt(bench.session) ?? until) < until) {
      despaired += bench.tick().filter((action) => action.do === 'despair').length;
      const { phase } = bench.session;
      if ('attempt' in phase && phase.attempt.at === 'dialing')
        bench.give({ on: 'lost', stream: phase.attempt.stream, refused });
    }
    bench.now = until;
    return despaired;
  };

  test('gives up after 15 minutes without a gateway, and again each minute', () => {
    const bench = new Bench();
    expect(alone(bench, 15 * 60_000, false)).toBe(0);
    expect(alone(bench, 4 * 60_000, false)).toBe(4);
  });

  test('waits on where gateways answer but refuse, and begins anew after a session', () => {
    const refused = new Bench();
    expect(alone(refused, 86_400_000, true)).toBe(0);
    const bench = new Bench();
    alone(bench, 14 * 60_000, false);
    while (!('attempt' in bench.session.phase && bench.session.phase.attempt.at === 'dialing')) bench.tick();
    const stream = bench.session.lastStream;
    bench.give({ on: 'connected', stream });
    bench.give({ on: 'frame', stream, frame: welcome() });
    bench.give({ on: 'lost', stream, refused: false });
    expect(alone(bench, 15 * 60_000, false)).toBe(0);
    expect(alone(bench, 60_000, false)).toBe(1);
  });
});

test.each([
  [0, 3],
  [1, 5],
])('a session is replaced by a newer one at its greatest age, which is drawn: %d gives %d hours', (random, hours) => {
  const bench = new Bench();
  bench.random = random;
  const old = bench.toReady(1n);
  const from = bench.now;
  while (bench.session.phase.at === 'ready') {
    bench.tick();
    bench.give({ on: 'frame', stream: old, frame: frameOf({ case: 'heartbeat', value: { n: 1n } }) });
  }
  expect(bench.now - from).toBe(hours * 3_600_000);
  expect(bench.session.phase).toMatchObject({ at: 'moving', live: { stream: old } });
  const stream = bench.session.lastStream;
  bench.give({ on: 'connected', stream });
  bench.give({ on: 'frame', stream, frame: welcome(2n) });
  expect(bench.actions.at(-1)).toMatchObject({ do: 'close', stream: old });
  expect(bench.session.phase).toMatchObject({ at: 'ready', live: { stream, epoch: 2n } });
});

describe('coming to a session', () => {
  test('dials, greets, stores before it says Ready, and only then works', () => {
    const bench = new Bench();
    expect(bench.tick()).toEqual([{ do: 'dial', stream: 1, endpoint: 'a:1' }]);
    expect(bench.give({ on: 'connected', stream: 1 })).toEqual([{ do: 'greet', stream: 1 }]);
    bench.give({ on: 'frame', stream: 1, frame: welcome(7n) });
    expect(bench.kinds).toEqual(['store', 'send', 'use']);
    expect(bench.session.phase).toMatchObject({ at: 'ready', live: { stream: 1, epoch: 7n } });
  });

  test.each([
    ['an address', 5_000, /^DNS: .* 5 s/, []],
    ['a connection', 10_000, /^TCP: .* 10 s/, [{ on: 'reached', stream: 1, step: 'tcp' }]],
    ['a handshake', 30_000, /^TLS: .* 30 s/, [{ on: 'reached', stream: 1, step: 'tls' }]],
    ['a word', 10_000, /^HTTP\/2: .* 10 s/, [{ on: 'reached', stream: 1, step: 'http2' }]],
    ['a Welcome', 15_000, /^no Welcome within 15 s/, [{ on: 'connected', stream: 1 }]],
  ] as const)('waits for %s no longer than %d ms, says so, and tries the next endpoint', (_what, ms, why, inputs) => {
    const bench = new Bench();
    bench.tick();
    for (const input of inputs) bench.give(input);
    expect(wakeAt(bench.session)).toBe(ms);
    expect(bench.tick()).toMatchObject([{ do: 'close', stream: 1, why: expect.stringMatching(why) }]);
    expect(bench.tick()).toEqual([{ do: 'dial', stream: 2, endpoint: 'b:1' }]);
  });

  test('each step of a dial has a deadline of its own, and a slower address of the same name puts none off', () => {
    const bench = new Bench();
    bench.tick();
    bench.now += 4_999;
    bench.give({ on: 'reached', stream: 1, step: 'tcp' });
    bench.now += 9_999;
    bench.give({ on: 'reached', stream: 1, step: 'tls' });
    const at = wakeAt(bench.session);
    expect(at).toBe(4_999 + 9_999 + dialMs.tls);
    bench.now += 5_000;
    bench.give({ on: 'reached', stream: 1, step: 'tcp' });
    bench.give({ on: 'reached', stream: 1, step: 'tls' });
    bench.give({ on: 'reached', stream: 7, step: 'tls' });
    expect(wakeAt(bench.session)).toBe(at);
    bench.give({ on: 'connected', stream: 1 });
    bench.give({ on: 'reached', stream: 1, step: 'tls' });
    expect(bench.session.phase).toMatchObject({ at: 'connecting', attempt: { at: 'greeting' } });
  });

  test('work before Welcome is no session', () => {
    const bench = new Bench();
    bench.tick();
    bench.give({ on: 'connected', stream: 1 });
    bench.give({ on: 'frame', stream: 1, frame: frameOf({ case: 'permit', value: { commandId: 'c', permitNo: 1 } }) });
    expect(bench.kinds).toEqual(['close']);
    expect(bench.session.phase).toMatchObject({ at: 'connecting', attempt: { at: 'waiting' } });
  });

  test('answers a gateway that asks whether it is alive, and waits on for the Welcome', () => {
    const bench = new Bench();
    bench.tick();
    bench.give({ on: 'connected', stream: 1 });
    const before = bench.session;
    bench.give({ on: 'frame', stream: 1, frame: frameOf({ case: 'heartbeat', value: { n: 3n } }) });
    expect(bench.actions).toMatchObject([
      { do: 'send', stream: 1, frame: { frame: { case: 'heartbeat', value: { n: 3n } } } },
    ]);
    expect(bench.session).toBe(before);
  });

  test('what a former stream still brings is not done beside a newer session', () => {
    const bench = new Bench();
    const old = bench.toReady(1n);
    bench.give({ on: 'frame', stream: old, frame: frameOf({ case: 'drain', value: { reconnectInMs: 0 } }) });
    bench.toReady(2n);
    bench.give({
      on: 'frame',
      stream: old,
      frame: frameOf({ case: 'permit', value: { commandId: 'c', permitNo: 1 } }),
    });
    expect(bench.kinds).toEqual([]);
  });

  test('what comes late from a former stream changes nothing', () => {
    const bench = new Bench();
    bench.tick();
    bench.give({ on: 'lost', stream: 1, refused: false });
    bench.tick();
    const before = bench.session;
    for (const input of [
      { on: 'connected', stream: 1 },
      { on: 'frame', stream: 1, frame: welcome() },
      { on: 'lost', stream: 1, refused: true },
    ] as const) {
      expect(bench.give(input)).toEqual([]);
      expect(bench.session).toEqual(before);
    }
  });
});

describe('backing off', () => {
  const waits = (bench: Bench, rounds: number, lose: (stream: number) => void): number[] =>
    Array.from({ length: rounds }, () => {
      bench.tick();
      lose(bench.session.lastStream);
      return (wakeAt(bench.session) ?? 0) - bench.now;
    });

  test('doubles up to 120 s, and up to 300 s where it is refused', () => {
    const bench = new Bench();
    bench.random = 0.999_999;
    const ceilings = waits(bench, 12, (stream) => bench.give({ on: 'lost', stream, refused: false })).map(Math.round);
    expect(ceilings.slice(0, 8)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000]);
    expect(ceilings.at(-1)).toBe(120_000);
    const refused = new Bench();
    refused.random = 0.999_999;
    expect(
      waits(refused, 12, (stream) => refused.give({ on: 'lost', stream, refused: true }))
        .map(Math.round)
        .at(-1),
    ).toBe(300_000);
  });

  test('is jittered over the whole range', () => {
    const bench = new Bench();
    bench.random = 0;
    expect(waits(bench, 5, (stream) => bench.give({ on: 'lost', stream, refused: false }))).toEqual([0, 0, 0, 0, 0]);
  });

  test('takes the word of a gateway that refuses', () => {
    const bench = new Bench();
    bench.tick();
    bench.give({ on: 'connected', stream: 1 });
    const refusal = frameOf({
      case: 'refusal',
      value: { reason: 'IDENTITY_CONFLICT', message: '', retryAfterMs: 42_000 },
    });
    expect(bench.give({ on: 'frame', stream: 1, frame: refusal })).toMatchObject([
      { do: 'close', why: 'refused: IDENTITY_CONFLICT' },
    ]);
    expect(wakeAt(bench.session)).toBe(42_000);
  });

  test('begins anew only after 60 s of health', () => {
    for (const [healthy, expected] of [
      [59_000, 32_000],
      [60_000, 1000],
    ] as const) {
      const bench = new Bench();
      bench.random = 0.999_999;
      waits(bench, 5, (stream) => bench.give({ on: 'lost', stream, refused: false }));
      const stream = bench.toReady();
      bench.now += healthy;
      bench.give({ on: 'lost', stream, refused: false });
      expect(bench.kinds).toEqual(['pause']);
      expect(Math.round((wakeAt(bench.session) ?? 0) - bench.now)).toBe(expected);
    }
  });
});

describe('a session', () => {
  test('beats within a fifth of its time, and is dead after three without a word', () => {
    const bench = new Bench();
    const stream = bench.toReady();
    expect((wakeAt(bench.session) ?? 0) - bench.now).toBe(10_000);
    const ready = bench.now;
    expect(bench.tick()).toMatchObject([
      { do: 'send', stream, frame: { frame: { case: 'heartbeat', value: { n: 1n } } } },
    ]);
    while (bench.session.phase.at === 'ready') bench.tick();
    expect(bench.now - ready).toBe(30_000);
    expect(bench.kinds).toEqual(['close', 'pause']);
  });

  test('any frame is a sign of life, also one of a newer protocol', () => {
    const bench = new Bench();
    const stream = bench.toReady();
    const ready = bench.now;
    for (let i = 1; i <= 10; i++) {
      bench.now = ready + i * 29_000;
      bench.give({ on: 'frame', stream, frame: { case: undefined } });
      bench.give({ on: 'tick' });
      expect(bench.session.phase.at).toBe('ready');
    }
  });

  test('takes the endpoints that Welcome names', () => {
    const bench = new Bench();
    const stream = bench.toReady(1n, ['c:1', 'd:1']);
    bench.give({ on: 'lost', stream, refused: false });
    expect(bench.tick()).toMatchObject([{ do: 'dial', endpoint: 'd:1' }]);
  });

  test('that drains works until its successor is ready, and is closed only then', () => {
    const bench = new Bench();
    const old = bench.toReady();
    bench.give({
      on: 'frame',
      stream: old,
      frame: frameOf({ case: 'drain', value: { reconnectInMs: 700, deadlineMs: 9000 } }),
    });
    expect((wakeAt(bench.session) ?? 0) - bench.now).toBe(700);
    expect(bench.tick()).toMatchObject([{ do: 'dial', stream: 2, endpoint: 'b:1' }]);
    const permit = frameOf({ case: 'permit', value: { commandId: 'c', permitNo: 1 } });
    expect(bench.give({ on: 'frame', stream: old, frame: permit })).toMatchObject([{ do: 'deliver' }]);
    bench.give({ on: 'connected', stream: 2 });
    bench.give({ on: 'frame', stream: 2, frame: welcome(2n) });
    expect(bench.kinds).toEqual(['store', 'send', 'use', 'close']);
    expect(bench.actions.at(-1)).toMatchObject({ stream: old });
    expect(bench.give({ on: 'lost', stream: old, refused: false })).toEqual([]);
  });

  test('that drains and breaks leaves the attempt as it is', () => {
    const bench = new Bench();
    const old = bench.toReady();
    bench.give({
      on: 'frame',
      stream: old,
      frame: frameOf({ case: 'drain', value: { reconnectInMs: 0, deadlineMs: 9000 } }),
    });
    bench.tick();
    bench.give({ on: 'lost', stream: old, refused: false });
    expect(bench.kinds).toEqual(['pause']);
    expect(bench.session.phase).toMatchObject({ at: 'connecting', attempt: { at: 'dialing', stream: 2 } });
  });

  test('moves with new credentials before it leaves; without a session it dials at once, where it is told', () => {
    const bench = new Bench();
    const old = bench.toReady();
    bench.give({ on: 'move', endpoints: [] });
    expect(bench.tick()).toMatchObject([{ do: 'dial', stream: 2 }]);
    expect(bench.session.phase).toMatchObject({ at: 'moving', live: { stream: old } });
    // Once more while it moves: nothing is dialled twice.
    bench.give({ on: 'move', endpoints: [] });
    expect(bench.session.lastStream).toBe(2);
    bench.give({ on: 'connected', stream: 2 });
    bench.give({ on: 'frame', stream: 2, frame: welcome(2n) });
    expect(bench.actions.at(-1)).toMatchObject({ do: 'close', stream: old });
    bench.give({ on: 'lost', stream: 2, refused: true });
    bench.give({ on: 'move', endpoints: ['c:1'] });
    expect(wakeAt(bench.session)).toBe(bench.now);
    expect(bench.tick()).toMatchObject([{ do: 'dial', endpoint: 'c:1' }]);
    bench.give({ on: 'stop' });
    expect(bench.give({ on: 'move', endpoints: [] })).toEqual([]);
    expect(bench.session.phase.at).toBe('stopped');
  });

  test('that is stopped stays so', () => {
    const bench = new Bench();
    const stream = bench.toReady();
    expect(bench.give({ on: 'stop' })).toMatchObject([{ do: 'close', stream }]);
    expect(wakeAt(bench.session)).toBeUndefined();
    expect(bench.give({ on: 'tick' })).toEqual([]);
  });
});

test('whatever comes, it stays bounded and always has a next step', () => {
  const stream = fc.integer({ min: 0, max: 6 });
  const anyFrame = fc.constantFrom<LinkResponse['frame']>(
    welcome(3n),
    frameOf({ case: 'heartbeat', value: { n: 1n } }),
    frameOf({ case: 'drain', value: { reconnectInMs: 5, deadlineMs: 5 } }),
    frameOf({ case: 'refusal', value: { reason: 'X', message: '', retryAfterMs: 0 } }),
    frameOf({ case: 'permit', value: { commandId: 'c', permitNo: 1 } }),
    { case: undefined },
  );
  const input = fc.oneof(
    fc.record({ on: fc.constant('connected' as const), stream }),
    fc.record({ on: fc.constant('move' as const), endpoints: fc.constantFrom<string[]>([], ['z:1']) }),
    fc.record({ on: fc.constant('frame' as const), stream, frame: anyFrame }),
    fc.record({ on: fc.constant('lost' as const), stream, refused: fc.boolean() }),
    fc.record({ on: fc.constant('tick' as const) }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(input, fc.nat(20_000)), { maxLength: 60 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (steps, random) => {
        const bench = new Bench();
        bench.random = random;
        const open = new Set<number>();
        for (const [given, pass] of steps) {
          bench.now += pass;
          const gone = given.on === 'lost' ? given.stream : undefined;
          for (const action of bench.give(given)) {
            if (action.do === 'dial') open.add(action.stream);
            if (action.do === 'close') open.delete(action.stream);
          }
          if (gone !== undefined) open.delete(gone);
          expect(open.size).toBeLessThanOrEqual(2);
          expect(wakeAt(bench.session)).toBeDefined();
          expect((wakeAt(bench.session) ?? 0) - bench.now).toBeLessThanOrEqual(300_000);
        }
      },
    ),
    { numRuns: 500 },
  );
});

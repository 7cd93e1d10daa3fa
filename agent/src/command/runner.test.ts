import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import {
  CommandOutputSchema,
  CommandResultSchema,
  Effect,
  Outcome,
  type CommandResult,
} from '@truffle/api/agent/v1/command';
import type { LinkRequest } from '@truffle/api/agent/v1/link';
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Journal } from '../journal/journal.ts';
import { testCommand } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { openGate } from '../testing/gate.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { CommandStopped, type CommandEnd, type CommandHandler, type CommandRun } from './effect.ts';
import { DecodedFailure } from './failure.ts';
import { Reports } from './report.ts';
import { maxInFlight, Runner } from './runner.ts';

const done: CommandEnd = { outcome: Outcome.SUCCEEDED, effect: Effect.FULL };

/** A runner whose one kind of command does what the test says. */
class Bench {
  readonly folder = testFolder();
  readonly clock = new VirtualClock();
  /** Commands at work, in the order of their start. */
  readonly running: { run: CommandRun; end: (end: CommandEnd) => void; fail: (error: unknown) => void }[] = [];
  journal = this.open();
  reports = new Reports({ journal: this.journal, clock: this.clock, wake: () => undefined });
  runner = this.make();

  constructor() {
    onTestFinished(() => this.journal.close());
  }
  open(): Journal {
    return new Journal(join(this.folder, 'journal.db'), (error) => {
      throw error;
    });
  }
  make(): Runner {
    const handler: CommandHandler = {
      kind: 'deleteServer',
      needsPermit: true,
      run: (run) =>
        new Promise<CommandEnd>((end, fail) => {
          this.running.push({ run, end, fail });
          run.signal.addEventListener('abort', () => fail(run.signal.reason));
        }),
    };
    const log = pino({ level: 'silent' });
    const { journal, reports, clock } = this;
    return new Runner({ journal, reports, handlers: [handler], gate: openGate, clock, log });
  }
  /** As after a crash: everything but the disk is new. */
  restart(): void {
    this.journal.close();
    this.running.length = 0;
    this.journal = this.open();
    this.reports = new Reports({ journal: this.journal, clock: this.clock, wake: () => undefined });
    this.runner = this.make();
    this.runner.recover();
  }
  settle(): Promise<void> {
    return this.clock.pass(0);
  }
  async start(...ids: string[]): Promise<void> {
    for (const id of ids) {
      this.runner.command(testCommand({ id }));
      this.runner.permit(id, 1);
    }
    await this.settle();
  }
  result(id: string): CommandResult | undefined {
    const bytes = this.journal.entry(id)?.result;
    return bytes === undefined ? undefined : fromBinary(CommandResultSchema, bytes);
  }
}

const reasonOf = (answer: LinkRequest | undefined): string =>
  answer?.frame.case === 'rejected' ? (answer.frame.value.failure?.reason ?? '') : (answer?.frame.case ?? 'nothing');

test('a result that fits no frame ends as a failure that says so', async () => {
  const bench = new Bench();
  bench.runner.command(testCommand({ id: 'cmd_1' }));
  bench.runner.permit('cmd_1', 1);
  await bench.settle();
  const output = create(CommandOutputSchema, { output: { case: 'pong', value: { nonce: 'x'.repeat(300_000) } } });
  bench.running[0]?.end({ ...done, output });
  await bench.settle();
  const end = fromBinary(CommandResultSchema, bench.journal.entry('cmd_1')?.result ?? new Uint8Array());
  expect(end).toMatchObject({ outcome: Outcome.FAILED, effect: Effect.FULL, failure: { reason: 'OUTPUT_TOO_LARGE' } });
});

test('a payload that is not the one of its hash is refused', () => {
  const bench = new Bench();
  const command = testCommand({ id: 'cmd_1' });
  const answer = bench.runner.command({ ...command, payload: new Uint8Array([...command.payload, 0]) });
  expect(answer?.frame).toMatchObject({ case: 'rejected', value: { failure: { reason: 'PAYLOAD_MISMATCH' } } });
  expect(bench.journal.size()).toBe(0);
});

describe('taking in', () => {
  test('accepts, and accepts again; nothing runs before its permit', async () => {
    const bench = new Bench();
    expect(reasonOf(bench.runner.command(testCommand({ id: 'c' })))).toBe('accepted');
    expect(reasonOf(bench.runner.command(testCommand({ id: 'c' })))).toBe('accepted');
    await bench.settle();
    expect(bench.running).toHaveLength(0);
    bench.runner.permit('c', 1);
    bench.runner.permit('c', 1);
    await bench.settle();
    expect(bench.running).toHaveLength(1);
  });

  test.each([
    ['another payload under its id', { op: { case: undefined } }, 'PAYLOAD_MISMATCH'],
    ['a kind that is not known', { id: 'd', op: { case: undefined } }, 'UNSUPPORTED'],
    ['an effect without need of a permit', { id: 'd', needsPermit: false }, 'PERMIT_REQUIRED'],
    ['a lower fence than one seen', { id: 'd', resourceKey: 'r', fence: 4 }, 'FENCED'],
  ] as const)('refuses %s', (_what, change, reason) => {
    const bench = new Bench();
    bench.runner.command(testCommand({ id: 'c', resourceKey: 'r', fence: 5 }));
    const answer = bench.runner.command(testCommand({ id: 'c', resourceKey: 'r', fence: 5, ...change }));
    expect(reasonOf(answer)).toBe(reason);
    expect(bench.journal.size()).toBe(1);
  });

  test('holds 256 commands and no more', () => {
    const bench = new Bench();
    for (let i = 0; i < 256; i++) bench.runner.command(testCommand({ id: `c${i}` }));
    expect(reasonOf(bench.runner.command(testCommand({ id: 'one-more' })))).toBe('NOT_ACCEPTING');
    expect(reasonOf(bench.runner.command(testCommand({ id: 'c0' })))).toBe('accepted');
  });
});

describe('running', () => {
  test('one for each resource, the others in order', async () => {
    const bench = new Bench();
    for (const id of ['a', 'b', 'c']) {
      bench.runner.command(testCommand({ id, resourceKey: id === 'c' ? 'other' : 'same' }));
      bench.runner.permit(id, 1);
    }
    await bench.settle();
    expect(bench.running.map(({ run }) => run.commandId)).toEqual(['a', 'c']);
    bench.running[0]?.end(done);
    await bench.settle();
    expect(bench.running.map(({ run }) => run.commandId)).toEqual(['a', 'c', 'b']);
  });

  test(`${maxInFlight} in all`, async () => {
    const bench = new Bench();
    await bench.start(...Array.from({ length: maxInFlight + 3 }, (_, i) => `c${i}`));
    expect(bench.running).toHaveLength(maxInFlight);
    bench.running[0]?.end(done);
    await bench.settle();
    expect(bench.running).toHaveLength(maxInFlight + 1);
  });

  test('none on a resource that the agent itself acts on, which is given only while none is at work on it', async () => {
    const bench = new Bench();
    const release = bench.runner.claim('pve:test/c');
    expect(bench.runner.claim('pve:test/c')).toBeUndefined();
    await bench.start('c', 'other');
    expect(bench.running.map(({ run }) => run.commandId)).toEqual(['other']);
    release?.();
    await bench.settle();
    expect(bench.running.map(({ run }) => run.commandId)).toEqual(['other', 'c']);
    expect(bench.runner.claim('pve:test/c')).toBeUndefined();
    bench.running[1]?.end(done);
    await bench.settle();
    expect(bench.runner.claim('pve:test/c')).toBeDefined();
  });

  test('a newer intent on the resource fences one that has not begun', async () => {
    const bench = new Bench();
    bench.runner.command(testCommand({ id: 'old', resourceKey: 'r', fence: 1 }));
    bench.runner.command(testCommand({ id: 'new', resourceKey: 'r', fence: 2 }));
    bench.runner.permit('old', 1);
    await bench.settle();
    expect(bench.running).toHaveLength(0);
    expect(bench.result('old')).toMatchObject({
      outcome: Outcome.FAILED,
      effect: Effect.NONE,
      failure: { reason: 'FENCED' },
    });
  });

  test('time is up: it is asked to stop, and has failed', async () => {
    const bench = new Bench();
    bench.runner.command(testCommand({ id: 'c', runTimeoutMs: 5000 }));
    bench.runner.permit('c', 1);
    await bench.clock.pass(4999);
    expect(bench.result('c')).toBeUndefined();
    await bench.clock.pass(1);
    expect(bench.result('c')).toMatchObject({
      outcome: Outcome.FAILED,
      failure: { reason: 'RUN_TIMEOUT', retryable: true },
    });
  });
});

describe('ending', () => {
  test('a decoded failure keeps its words, without what is secret', async () => {
    const bench = new Bench();
    await bench.start('c');
    const [at] = bench.running;
    at?.run.redact('hunter2');
    at?.run.intend('clone', { vmid: 1 });
    at?.fail(
      new DecodedFailure({
        reason: 'PVE_STORAGE_FULL',
        message: 'full: hunter2',
        remedy: 'free some',
        logTail: ['a hunter2'],
      }),
    );
    await bench.settle();
    expect(bench.result('c')).toMatchObject({
      outcome: Outcome.FAILED,
      effect: Effect.PARTIAL,
      failure: {
        reason: 'PVE_STORAGE_FULL',
        message: 'full: [redacted]',
        remedy: 'free some',
        logTail: ['a [redacted]'],
      },
    });
  });

  test('any other throw says nothing of itself', async () => {
    const bench = new Bench();
    await bench.start('c');
    bench.running[0]?.fail(new Error('/etc/shadow: no'));
    await bench.settle();
    expect(bench.result('c')).toMatchObject({
      outcome: Outcome.FAILED,
      effect: Effect.NONE,
      failure: { reason: 'INTERNAL' },
    });
    expect(JSON.stringify(bench.result('c')?.failure)).not.toContain('shadow');
  });

  test('cancelled before it began: no effect; while it runs: as it was observed', async () => {
    const bench = new Bench();
    bench.runner.command(testCommand({ id: 'early' }));
    bench.runner.cancel('early');
    bench.runner.permit('early', 1);
    await bench.start('late', 'stubborn');
    bench.running[0]?.run.intend('clone', null);
    bench.runner.cancel('late');
    bench.running[1]?.end(done);
    await bench.settle();
    bench.runner.cancel('stubborn');
    expect(bench.running.map(({ run }) => run.commandId)).toEqual(['late', 'stubborn']);
    expect(bench.result('early')).toMatchObject({ outcome: Outcome.CANCELLED, effect: Effect.NONE });
    expect(bench.result('late')).toMatchObject({ outcome: Outcome.CANCELLED, effect: Effect.PARTIAL });
    expect(bench.result('stubborn')).toMatchObject({ outcome: Outcome.SUCCEEDED });
  });

  test('cancelled while it waits for its turn: it never begins', async () => {
    const bench = new Bench();
    for (const id of ['first', 'second']) {
      bench.runner.command(testCommand({ id, resourceKey: 'same' }));
      bench.runner.permit(id, 1);
    }
    await bench.settle();
    bench.runner.cancel('second');
    bench.running[0]?.end(done);
    await bench.settle();
    expect(bench.running.map(({ run }) => run.commandId)).toEqual(['first']);
    expect(bench.result('second')).toMatchObject({ outcome: Outcome.CANCELLED, effect: Effect.NONE });
  });

  test('is forgotten only when it is terminal at the gateway', async () => {
    const bench = new Bench();
    await bench.start('c');
    bench.runner.acknowledged('c', true);
    expect(bench.journal.entry('c')?.state).toBe('running');
    bench.running[0]?.end(done);
    await bench.settle();
    bench.runner.acknowledged('c', false);
    expect(bench.journal.entry('c')?.state).toBe('ended');
    bench.runner.acknowledged('c', true);
    expect(bench.journal.entry('c')).toBeUndefined();
  });
});

describe('starting again', () => {
  test('permitted ones run again and find their steps; accepted ones wait for a permit', async () => {
    const bench = new Bench();
    bench.runner.command(testCommand({ id: 'waits' }));
    await bench.start('runs');
    bench.running[0]?.run.intend('clone', { vmid: 7 });
    bench.restart();
    await bench.settle();
    expect(bench.running.map(({ run }) => run.commandId)).toEqual(['runs']);
    expect(bench.running[0]?.run.recall('clone')).toEqual({ name: 'clone', handle: { vmid: 7 }, observed: undefined });
    bench.runner.permit('waits', 1);
    await bench.settle();
    expect(bench.running).toHaveLength(2);
  });

  test('numbers of log lines go on above those of the last life', async () => {
    const bench = new Bench();
    const numbers: bigint[] = [];
    const collect = (): void => {
      const logs = bench.reports.take()?.frame;
      if (logs?.case === 'logs') numbers.push(...logs.value.entries.map(({ n }) => n));
    };
    await bench.start('c');
    bench.running[0]?.run.log('stdout', 'one\ntwo\n');
    collect();
    bench.restart();
    await bench.settle();
    bench.running[0]?.run.log('stdout', 'three');
    collect();
    expect(numbers).toHaveLength(3);
    expect(numbers).toEqual([...numbers].sort((a, b) => Number(a - b)));
  });
});

describe('a shutdown', () => {
  test('leaves what it stops in the journal, to be run again', async () => {
    const bench = new Bench();
    await bench.start('c');
    const stopping = bench.runner.stop(10_000);
    expect(() => bench.running[0]?.run.intend('clone', null)).toThrow(CommandStopped);
    expect(bench.runner.command(testCommand({ id: 'd' }))).toBeUndefined();
    await stopping;
    expect(bench.journal.entry('c')?.state).toBe('running');
    bench.restart();
    await bench.settle();
    expect(bench.running).toHaveLength(1);
  });

  test('waits no longer than it may', async () => {
    const bench = new Bench();
    const deaf: CommandHandler = {
      kind: 'deleteServer',
      needsPermit: true,
      run: () => new Promise<never>(() => undefined),
    };
    const { journal, reports, clock } = bench;
    const runner = new Runner({
      journal,
      reports,
      handlers: [deaf],
      gate: openGate,
      clock,
      log: pino({ level: 'silent' }),
    });
    runner.command(testCommand({ id: 'c' }));
    runner.permit('c', 1);
    const stopping = runner.stop(10_000);
    await clock.pass(10_000);
    await stopping;
    expect(journal.entry('c')?.state).toBe('running');
  });
});

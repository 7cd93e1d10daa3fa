import { Code, ConnectError } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { CliError, InterruptedError } from '../failure/cli-error.ts';
import { backoff, resumed } from './resume.ts';

const options = (waits: number[] = [], signal = new AbortController().signal) => ({
  signal,
  random: () => 1,
  sleep: (milliseconds: number) => (waits.push(milliseconds), Promise.resolve()),
});
async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

test('opens again after failures that may pass, waiting longer each time and anew after a message', async () => {
  const answers: (number | { readonly drop: Code })[][] = [
    [1, { drop: Code.Unavailable }],
    [{ drop: Code.Aborted }],
    [{ drop: Code.Internal }],
    [2, { drop: Code.Unavailable }],
    [3],
  ];
  const waits: number[] = [];
  async function* open(): AsyncGenerator<number> {
    for (const each of answers.shift() ?? []) {
      if (typeof each !== 'number') throw new ConnectError('drop', each.drop);
      yield each;
    }
  }
  expect(await collect(resumed(open, () => answers.length === 0, options(waits)))).toEqual([1, 2, 3]);
  expect(waits).toEqual([250, 500, 1_000, 250]);
});

test('gives a failure that stays, and one that stays away for too long', async () => {
  const failing = (code: Code) => () => ({
    [Symbol.asyncIterator]: () => ({
      next: (): Promise<IteratorResult<number>> => Promise.reject(new ConnectError('no', code)),
    }),
  });
  await expect(collect(resumed(failing(Code.NotFound), () => false, options()))).rejects.toMatchObject({
    code: Code.NotFound,
  });
  await expect(collect(resumed(failing(Code.Internal), () => false, options()))).rejects.toMatchObject({
    code: Code.Internal,
  });
  await expect(collect(resumed(failing(Code.Unavailable), () => false, options()))).rejects.toBeInstanceOf(CliError);
});

test('ends with the reason of its signal', async () => {
  const controller = new AbortController();
  async function* open(signal: AbortSignal): AsyncGenerator<number> {
    yield 1;
    await new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(new ConnectError('canceled', Code.Canceled))),
    );
  }
  const stream = resumed(open, () => false, options([], controller.signal));
  expect((await stream.next()).value).toBe(1);
  const next = stream.next();
  controller.abort(new InterruptedError());
  await expect(next).rejects.toBeInstanceOf(InterruptedError);
});

test('lets go of the stream that its reader leaves', async () => {
  let left: AbortSignal | undefined;
  async function* open(signal: AbortSignal): AsyncGenerator<number> {
    left = signal;
    yield 1;
    yield 2;
  }
  for await (const _ of resumed(open, () => false, options())) break;
  expect(left?.aborted).toBe(true);
});

test('waits are spread out and bounded', () => {
  expect([0, 1, 5, 6, 50].map((attempt) => backoff(attempt, () => 1))).toEqual([250, 500, 8_000, 10_000, 10_000]);
  expect(backoff(3, () => 0)).toBe(0);
});

import { Code } from '@connectrpc/connect';
import { RateClass } from '@truffle/api/options/v1/method';
import { expect, test } from 'vitest';
import { boundsOf, inTime } from './bounds.ts';

test('every class has its bounds', () => {
  for (const rate of [
    RateClass.READ,
    RateClass.WRITE,
    RateClass.EXPENSIVE,
    RateClass.CREDENTIAL,
    RateClass.STREAM,
    RateClass.INTERNAL,
  ])
    expect(boundsOf(rate).bytes).toBeGreaterThan(0);
});

test('an answer in time is the answer, also a failure', async () => {
  expect(await inTime(Promise.resolve(1), 1_000)).toBe(1);
  expect(await inTime(Promise.resolve(1), undefined)).toBe(1);
  await expect(inTime(Promise.reject(new Error('failed')), 1_000)).rejects.toThrow('failed');
});

test('what takes too long is given up on, and what becomes of it later troubles nobody', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  await expect(inTime(promise, 5)).rejects.toMatchObject({ code: Code.DeadlineExceeded, reason: 'TOO_SLOW' });
  reject(new Error('later'));
  await new Promise((resolve) => setImmediate(resolve));
});

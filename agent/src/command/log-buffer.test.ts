import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogBuffer, type LogLine } from './log-buffer.ts';

const line = (n: number, length: number): LogLine => ({ n, wall: 0, stream: 'stdout', text: 'x'.repeat(length) });
const gapOf = (taken: LogLine): number[] => (/^\[gap: (\d+) lines/.exec(taken.text) ?? []).slice(1).map(Number);

test('what is not kept is counted, what is kept is in order, and the memory is bounded', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ push: fc.nat(300) }) },
    { weight: 1, arbitrary: fc.record({ take: fc.nat(1000) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const buffer = new LogBuffer(4000);
      const out: LogLine[] = [];
      let pushed = 0;
      for (const given of steps) {
        if ('push' in given) buffer.push(line(++pushed, given.push));
        else out.push(...buffer.take(given.take));
        expect(buffer.cost).toBeLessThanOrEqual(4000);
      }
      while (!buffer.empty) out.push(...buffer.take(500));
      const missing = out.flatMap(gapOf).reduce((sum, count) => sum + count, 0);
      const gaps = out.filter((taken) => gapOf(taken).length > 0).length;
      expect(out.length - gaps + missing).toBe(pushed);
      const numbers = out.map(({ n }) => n);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    }),
  );
});

test('keeps the beginning and the end', () => {
  const buffer = new LogBuffer(1000);
  for (let n = 1; n <= 100; n++) buffer.push(line(n, 36));
  const taken = buffer.take(10_000);
  expect(taken[0]?.n).toBe(1);
  expect(taken.at(-1)?.n).toBe(100);
  expect(taken.filter((one) => gapOf(one).length > 0).map(({ text }) => text)).toEqual([
    '[gap: 90 lines left out, 6 to 95]',
  ]);
});

test('dropping leaves only a gap', () => {
  const buffer = new LogBuffer(1000);
  for (let n = 1; n <= 100; n++) buffer.push(line(n, 36));
  buffer.drop();
  expect(buffer.cost).toBe(0);
  expect(buffer.take(1000)).toMatchObject([{ n: 100, text: '[gap: 100 lines left out, 1 to 100]' }]);
});

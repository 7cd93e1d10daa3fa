import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { MetricRing } from './metric-ring.ts';

const body = new Uint8Array(936);

/** A ring for ten rounds of 1,000 bytes. */
function openRing(path = join(testFolder(), 'metrics.db')): MetricRing {
  const ring = new MetricRing(path, 10_000);
  onTestFinished(() => ring.close());
  return ring;
}
const fill = (ring: MetricRing, from: number, to: number): void => {
  for (let at = from; at <= to; at++) ring.push(at, body);
};

test('gives the oldest first, as much as is asked for, until it is forgotten', () => {
  const ring = openRing();
  expect(ring.peek(5_000)).toBeUndefined();
  fill(ring, 1, 7);
  const first = ring.peek(5_000);
  expect(first?.rounds).toHaveLength(5);
  expect(ring.peek(5_000)).toEqual(first);
  if (first !== undefined) ring.forget(first);
  expect(ring.peek(5_000)?.rounds).toHaveLength(2);
});

test('drops the oldest beyond its limit and says how many and of when; both survive a restart', () => {
  const path = join(testFolder(), 'metrics.db');
  const before = new MetricRing(path, 10_000);
  fill(before, 101, 125);
  before.close();
  const ring = openRing(path);
  const waiting = ring.peek(100_000);
  expect(waiting?.rounds).toHaveLength(10);
  expect(waiting?.gaps).toEqual([{ n: 15, from: 101, to: 115 }]);
  fill(ring, 126, 126);
  if (waiting !== undefined) ring.forget(waiting);
  // It had grown meanwhile, and is told again.
  expect(ring.peek(100_000)?.gaps).toEqual([{ n: 16, from: 101, to: 116 }]);
});

test('what the disk refused is a gap of its own, noted when the disk takes something again', () => {
  const path = join(testFolder(), 'metrics.db');
  const ring = openRing(path);
  fill(ring, 1, 4);
  const other = new DatabaseSync(path);
  other.exec('BEGIN EXCLUSIVE');
  fill(ring, 5, 6);
  other.exec('COMMIT');
  other.close();
  fill(ring, 7, 15);
  expect(ring.peek(100_000)).toMatchObject({
    rounds: { length: 10 },
    gaps: [
      { n: 3, from: 1, to: 3 },
      { n: 2, from: 5, to: 6 },
    ],
  });
});

test('a file that can not be read is begun anew', () => {
  const path = join(testFolder(), 'metrics.db');
  writeFileSync(path, 'this is no database, and long enough to be taken for one'.repeat(20));
  const ring = openRing(path);
  fill(ring, 1, 1);
  expect(ring.peek(5_000)?.rounds).toHaveLength(1);
});

import { bells, type Bell } from './bell.ts';
import type { Buckets, Spending } from './bucket.ts';

const tellEveryMs = 200;
const mostInOne = 1_000;

/** Told as `[name, spent, calls, seconds]`. */
type Told = readonly [string, number, number, number];

/**
 * Tells the other processes what was spent here, and hears what was spent there. Best effort: without NATS each process holds the whole budget
 * by itself. @returns how to stop
 */
export function shareBuckets(buckets: Buckets, bell: Pick<Bell, 'ring' | 'listen'>, self: string): () => void {
  const unlisten = bell.listen(bells.spent, (data) => {
    const { from, spent } = read(data);
    if (from !== self) for (const each of spent) buckets.spentElsewhere(each);
  });
  const timer = setInterval(() => {
    const untold = buckets.untold();
    for (let at = 0; at < untold.length; at += mostInOne) {
      const spent = untold
        .slice(at, at + mostInOne)
        .map(({ name, spent: n, calls, seconds }): Told => [name, n, calls, seconds]);
      bell.ring(bells.spent, JSON.stringify({ from: self, spent }));
    }
  }, tellEveryMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    unlisten();
  };
}

/** Only what has the right form counts: a process of another version may say more. */
function read(data: string): { readonly from: string; readonly spent: readonly Spending[] } {
  try {
    const told = JSON.parse(data) as { readonly from?: unknown; readonly spent?: unknown } | null;
    const { from, spent } = told ?? {};
    if (typeof from !== 'string' || !Array.isArray(spent)) return { from: '', spent: [] };
    return { from, spent: (spent as unknown[]).flatMap(spendingOf) };
  } catch (error) {
    if (error instanceof SyntaxError) return { from: '', spent: [] };
    throw error;
  }
}

function spendingOf(told: unknown): readonly Spending[] {
  const [name, ...rest] = Array.isArray(told) ? (told as unknown[]) : [];
  const [spent, calls, seconds] = rest;
  return typeof name === 'string' && isAmount(spent) && isAmount(calls) && isAmount(seconds)
    ? [{ name, spent, calls, seconds }]
    : [];
}

const isAmount = (given: unknown): given is number => typeof given === 'number' && given > 0 && Number.isFinite(given);

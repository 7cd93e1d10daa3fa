import { setTimeout as sleep } from 'node:timers/promises';

/** Waits `ms`; @throws the signal's reason as soon as it fires. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}

/** Full jitter: anything from 0 to `base` doubled `attempt` times, at most `cap`; milliseconds, `attempt` from 0. */
export function jitter(attempt: number, base: number, cap: number): number {
  return Math.random() * Math.min(cap, base * 2 ** attempt);
}

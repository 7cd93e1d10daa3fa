import { setTimeout as delay } from 'node:timers/promises';

/** Something did not happen in the time it was given. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'DEADLINE';
  constructor(what: string, milliseconds: number, options?: ErrorOptions) {
    super(`${what} took longer than ${Math.round(milliseconds / 100) / 10} s`, options);
  }
}

export interface Wait {
  /** What is waited for, as the subject of "… took longer than". */
  readonly what: string;
  readonly milliseconds: number;
  /** Between two looks, in milliseconds. */
  readonly every?: number;
}

/**
 * Looks until `probe` answers something other than undefined or false. A probe that throws counts as "not yet"; its last
 * error becomes the cause of the DeadlineError.
 */
export async function until<T>(
  wait: Wait,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + wait.milliseconds;
  let cause: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) throw new DeadlineError(wait.what, wait.milliseconds, { cause });
    await delay(wait.every ?? 25);
  }
}

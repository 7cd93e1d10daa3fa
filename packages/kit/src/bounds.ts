import { Code } from '@connectrpc/connect';
import { RateClass } from '@truffle/api/options/v1/method';
import { Problem } from './problem.ts';

/** What one call may be. */
export interface Bounds {
  /** Of its request. */
  readonly bytes: number;
  /** Until it is answered, or its stream begins; undefined where the caller's deadline says it. */
  readonly ms: number | undefined;
}

const kib = 1024;

/** By the method's class. */
const bounds: Readonly<Record<RateClass, Bounds>> = {
  [RateClass.UNSPECIFIED]: { bytes: 0, ms: 0 },
  [RateClass.READ]: { bytes: 64 * kib, ms: 30_000 },
  [RateClass.WRITE]: { bytes: 256 * kib, ms: 60_000 },
  [RateClass.EXPENSIVE]: { bytes: 1024 * kib, ms: 60_000 },
  [RateClass.CREDENTIAL]: { bytes: 64 * kib, ms: 30_000 },
  [RateClass.STREAM]: { bytes: 64 * kib, ms: 30_000 },
  [RateClass.INTERNAL]: { bytes: 1024 * kib, ms: undefined },
};

export const boundsOf = (rate: RateClass): Bounds => bounds[rate];

/** A call was at work for longer than its class may be. What it began goes on to its end. */
export class TooSlowProblem extends Problem {
  override readonly name = 'TooSlowProblem';
  constructor(ms: number) {
    super(
      Code.DeadlineExceeded,
      'TOO_SLOW',
      `this was not done within ${ms / 1_000} s and may still be done: look before you repeat it`,
    );
  }
}

/** The answer of `work`, when it comes in time. @throws TooSlowProblem */
export async function inTime<T>(work: Promise<T>, ms: number | undefined): Promise<T> {
  if (ms === undefined) return work;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TooSlowProblem(ms)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

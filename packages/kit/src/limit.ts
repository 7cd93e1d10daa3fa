import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from '@truffle/api/google/rpc/error_details';
import { RateClass } from '@truffle/api/options/v1/method';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Caller } from './caller.ts';

/** Calls in a window of seconds, for one credential (or, before there is one, one address) in one process. */
const budgets: ReadonlyMap<RateClass, { readonly points: number; readonly duration: number }> = new Map([
  [RateClass.READ, { points: 2_000, duration: 10 }],
  [RateClass.WRITE, { points: 500, duration: 10 }],
  [RateClass.EXPENSIVE, { points: 100, duration: 10 }],
  [RateClass.CREDENTIAL, { points: 30, duration: 60 }],
  [RateClass.STREAM, { points: 200, duration: 10 }],
]);

/** Bounds how often one caller may call, by the method's class. `factor` widens or narrows every budget. */
export class RateLimits {
  readonly #limiters = new Map<RateClass, RateLimiterMemory>();

  constructor(factor = 1) {
    for (const [rate, budget] of budgets)
      this.#limiters.set(
        rate,
        new RateLimiterMemory({ points: Math.max(1, Math.round(budget.points * factor)), duration: budget.duration }),
      );
  }

  /** @throws ConnectError RESOURCE_EXHAUSTED with RetryInfo and `retry-after` */
  async take(caller: Caller, rate: RateClass): Promise<void> {
    const limiter = this.#limiters.get(rate);
    if (limiter === undefined) return;
    const who =
      rate === RateClass.CREDENTIAL || caller.subject === 'anonymous' ? `address:${caller.address}` : caller.subject;
    try {
      await limiter.consume(who);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      const seconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
      const status = new ConnectError(`too many calls; try again in ${seconds} s`, Code.ResourceExhausted, {
        'retry-after': String(seconds),
      });
      status.details.push({
        desc: RetryInfoSchema,
        value: create(RetryInfoSchema, { retryDelay: durationFromMs(error.msBeforeNext) }),
      });
      throw status;
    }
  }
}

import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createContextKey } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '@truffle/api/google/rpc/error_details';
import { RateClass } from '@truffle/api/options/v1/method';
import { networkOf } from './address.ts';
import type { Budget, Buckets } from './bucket.ts';
import type { Caller } from './caller.ts';
import type { TenantRates } from './limit.plan.ts';

/** What one credential (or, before there is one, one address) may call, whatever its organization's plan. */
const budgets: ReadonlyMap<RateClass, Budget> = new Map([
  [RateClass.READ, { calls: 2_000, seconds: 10 }],
  [RateClass.WRITE, { calls: 500, seconds: 10 }],
  [RateClass.EXPENSIVE, { calls: 100, seconds: 10 }],
  [RateClass.CREDENTIAL, { calls: 30, seconds: 60 }],
  [RateClass.STREAM, { calls: 200, seconds: 10 }],
]);

/** A bucket that a call was counted in. */
interface Counted {
  readonly policy: 'credential' | 'tenant';
  readonly bucket: string;
  readonly budget: Budget;
}

/** The buckets that one call was counted in, for the headers of its answer. */
export type Spent = Counted[];

export const spentKey = createContextKey<Spent | undefined>(undefined, { description: 'rate limits' });

export interface RateLimitsParts {
  readonly buckets: Buckets;
  readonly tenants: Pick<TenantRates, 'of'>;
  /** Widens or narrows every budget. */
  readonly factor: number;
}

/** Bounds how often one caller, and one organization, may call, by the method's class, over all processes together. */
export class RateLimits {
  readonly #parts: RateLimitsParts;

  constructor(parts: RateLimitsParts) {
    this.#parts = parts;
  }

  /**
   * Counts a call for its credential, and for its organization where that is known from the credential alone. A refused call is not counted.
   * @throws RateLimitError RESOURCE_EXHAUSTED with RetryInfo and `retry-after`
   */
  take(caller: Caller, rate: RateClass, spent: Spent): void {
    const budget = budgets.get(rate);
    if (budget === undefined) return;
    const wanted: Counted[] = [
      { policy: 'credential', bucket: `c:${rate}:${whoOf(caller, rate)}`, budget: this.#scaled(budget) },
    ];
    this.#spend([...wanted, ...this.#tenant(onlyOrganization(caller), rate)], spent);
  }

  /** Counts a call for the organization that it turned out to be about, unless `take` did. @throws as `take` */
  takeTenant(caller: Caller, rate: RateClass, spent: Spent): void {
    if (budgets.has(rate) && onlyOrganization(caller) === '') this.#spend(this.#tenant(caller.orgId, rate), spent);
  }

  /** Says in an answer's headers what is left (draft-ietf-httpapi-ratelimit-headers). */
  tell(spent: Spent | undefined, headers: Headers): void {
    if (spent === undefined || spent.length === 0) return;
    headers.set(
      'ratelimit-policy',
      spent.map(({ policy, budget }) => `"${policy}";q=${budget.calls};w=${budget.seconds}`).join(', '),
    );
    const standing = spent.map(({ policy, bucket, budget }) => {
      const { left, fullInMs } = this.#parts.buckets.level(bucket, budget);
      return `"${policy}";r=${left};t=${Math.ceil(fullInMs / 1_000)}`;
    });
    headers.set('ratelimit', standing.join(', '));
  }

  #tenant(orgId: string, rate: RateClass): Counted[] {
    const told = orgId === '' ? undefined : this.#parts.tenants.of(orgId, rate);
    // A plan that is not known yet lets all credentials together do what one may.
    const budget = told === 'unknown' ? budgets.get(rate) : told;
    return budget === undefined
      ? []
      : [{ policy: 'tenant', bucket: `t:${rate}:${orgId}`, budget: this.#scaled(budget) }];
  }

  #spend(wanted: readonly Counted[], spent: Spent): void {
    spent.push(...wanted);
    const { buckets } = this.#parts;
    const waits = wanted.map((each) => ({ ...each, waitMs: buckets.level(each.bucket, each.budget).oneInMs }));
    const longest = waits.toSorted((a, b) => b.waitMs - a.waitMs)[0];
    if (longest !== undefined && longest.waitMs > 0) throw new RateLimitError(longest.policy, longest.waitMs);
    for (const { bucket, budget } of wanted) buckets.spend(bucket, budget);
  }

  #scaled({ calls, seconds }: Budget): Budget {
    return { calls: Math.max(1, Math.round(calls * this.#parts.factor)), seconds };
  }
}

/** A budget is used up. Tell it by `isRateLimit`: an error of Connect is known by its name, which this has too. */
export class RateLimitError extends ConnectError {
  readonly waitMs: number;

  constructor(policy: Counted['policy'], waitMs: number) {
    const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
    const whose = policy === 'tenant' ? 'of your organization' : 'with this credential or from this address';
    super(`too many calls ${whose}; try again in ${seconds} s`, Code.ResourceExhausted, {
      'retry-after': String(seconds),
    });
    this.waitMs = waitMs;
    const info = { reason: 'RATE_LIMITED', domain: 'truffle.dev', metadata: { policy } };
    this.details.push(
      { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, info) },
      { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: durationFromMs(Math.ceil(waitMs)) }) },
    );
  }
}

export const isRateLimit = (error: unknown): error is RateLimitError =>
  error instanceof ConnectError && 'waitMs' in error;

function whoOf(caller: Caller, rate: RateClass): string {
  const byAddress = rate === RateClass.CREDENTIAL || caller.subject === 'anonymous';
  return byAddress ? `address:${networkOf(caller.address)}` : caller.subject;
}

/** The one organization that a credential is of; empty for one of several, or none. */
export function onlyOrganization({ bindings }: Caller): string {
  const first = bindings[0]?.orgId ?? '';
  return bindings.every((binding) => binding.orgId === first) ? first : '';
}

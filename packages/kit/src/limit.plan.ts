import type { RateClass } from '@truffle/api/options/v1/method';
import type { Logger } from '@truffle/telemetry';
import type { Budget } from './bucket.ts';

export type PlanRates = ReadonlyMap<RateClass, Budget>;

const keepMs = 60_000;
const againMs = 1_000;
const mostKept = 10_000;

/**
 * What the plans of organizations let them call, as the billing service last told. Nothing waits for it, and what was told stays while nothing
 * newer is.
 */
export class TenantRates {
  readonly #ask: (orgId: string) => Promise<PlanRates>;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #known = new Map<string, { until: number; rates: PlanRates | undefined }>();

  constructor(ask: (orgId: string) => Promise<PlanRates>, logger: Logger, now: () => number) {
    this.#ask = ask;
    this.#logger = logger;
    this.#now = now;
  }

  /** The organization's budget for calls of that class; undefined when its plan names none, unknown until the plan was told once. */
  of(orgId: string, rate: RateClass): Budget | 'unknown' | undefined {
    const known = this.#known.get(orgId);
    if (known === undefined || known.until <= this.#now()) void this.#refresh(orgId, known?.rates);
    return known?.rates === undefined ? 'unknown' : known.rates.get(rate);
  }

  async #refresh(orgId: string, before: PlanRates | undefined): Promise<void> {
    if (this.#known.size >= mostKept) this.#known.clear();
    // Asked once at a time, however long that takes.
    const entry = { until: Number.POSITIVE_INFINITY, rates: before };
    this.#known.set(orgId, entry);
    try {
      entry.rates = await this.#ask(orgId);
      entry.until = this.#now() + keepMs;
    } catch (error) {
      entry.until = this.#now() + againMs;
      this.#logger.debug({ err: error, orgId }, 'the rates of a plan could not be read; they will be asked for again');
    }
  }
}

import type { RateClass } from '@truffle/api/options/v1/method';
import type { Logger } from '@truffle/telemetry';
import type { Budget } from './bucket.ts';

export type PlanRates = ReadonlyMap<RateClass, Budget>;

const keepMs = 60_000;
const againMs = 5_000;
const mostKept = 10_000;

/**
 * What the plans of organizations let them call, as the billing service last told. Nothing waits for it: until the first answer, and while
 * there is none, an organization is bounded by the budgets of its credentials alone.
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

  /** The organization's budget for calls of that class; undefined when its plan names none, or is not known. */
  of(orgId: string, rate: RateClass): Budget | undefined {
    const known = this.#known.get(orgId);
    if (known === undefined || known.until <= this.#now()) void this.#refresh(orgId, known?.rates);
    return known?.rates?.get(rate);
  }

  async #refresh(orgId: string, before: PlanRates | undefined): Promise<void> {
    if (this.#known.size >= mostKept) this.#known.clear();
    const entry = { until: this.#now() + againMs, rates: before };
    this.#known.set(orgId, entry);
    try {
      entry.rates = await this.#ask(orgId);
      entry.until = this.#now() + keepMs;
    } catch (error) {
      this.#logger.debug({ err: error, orgId }, 'the rates of a plan could not be read; they will be asked for again');
    }
  }
}

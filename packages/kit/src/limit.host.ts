import { RateService } from '@truffle/api/billing/v1/rate_service';
import { newId } from '@truffle/ids';
import type { Logger } from '@truffle/telemetry';
import type { Bell } from './bell.ts';
import { Buckets } from './bucket.ts';
import { shareBuckets } from './bucket.share.ts';
import { TenantRates } from './limit.plan.ts';
import { RateLimits } from './limit.ts';
import type { Peers } from './peers.ts';

/** The rate limits of one process. */
export interface HostLimits {
  readonly limits: RateLimits;
  /** Asks the billing service for plans' rates through these; the first ones given stay. */
  readonly askThrough: (peers: Peers) => void;
  readonly close: () => void;
}

/** Counts calls for all services of this process, together with all other processes. */
export function startLimits(bell: Pick<Bell, 'ring' | 'listen'>, logger: Logger, factor: number): HostLimits {
  const now = () => performance.now();
  const buckets = new Buckets(now);
  let peers: Peers | undefined;
  const tenants = new TenantRates(
    async (orgId) => {
      if (peers === undefined) return new Map();
      const about = { orgId, requestId: newId('req') };
      const { rates } = await peers.client('billing', RateService, about).getRates({});
      return new Map(rates.map(({ rate, calls, seconds }) => [rate, { calls, seconds }]));
    },
    logger,
    now,
  );
  return {
    limits: new RateLimits({ buckets, tenants, factor }),
    askThrough: (given) => (peers ??= given),
    close: shareBuckets(buckets, bell, newId('req')),
  };
}

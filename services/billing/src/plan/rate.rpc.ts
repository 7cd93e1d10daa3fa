import type { ServiceImpl } from '@connectrpc/connect';
import type { RateService } from '@truffle/api/billing/v1/rate_service';
import { callerOf } from '@truffle/kit';
import type { BillingParts } from '../parts.ts';
import { planInForce } from './subscription.repo.ts';

export const rateRpc = (parts: BillingParts): ServiceImpl<typeof RateService> => ({
  getRates: async (_request, context) => {
    const plan = await parts.database.tenant(callerOf(context).orgId, (tx) => planInForce(tx, parts.defaultPlan));
    return { rates: [...plan.rates] };
  },
});

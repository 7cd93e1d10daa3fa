import type { ServiceImpl } from '@connectrpc/connect';
import type { RetentionService } from '@truffle/api/billing/v1/retention_service';
import { callerOf } from '@truffle/kit';
import type { BillingParts } from '../parts.ts';
import { planInForce } from './subscription.repo.ts';

export const retentionRpc = (parts: BillingParts): ServiceImpl<typeof RetentionService> => ({
  getAuditRetention: async (_request, context) => {
    const plan = await parts.database.tenant(callerOf(context).orgId, (tx) => planInForce(tx, parts.defaultPlan));
    return { days: plan.auditRetentionDays ?? parts.auditRetentionDays };
  },
});

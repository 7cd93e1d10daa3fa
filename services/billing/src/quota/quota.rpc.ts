import type { ServiceImpl } from '@connectrpc/connect';
import type { QuotaService } from '@truffle/api/billing/v1/plan_service';
import { callerOf, PermissionProblem, type Caller } from '@truffle/kit';
import type { BillingParts } from '../parts.ts';
import { quotaStatus } from './quota.codec.ts';
import { QuotaExceededError } from './quota.ts';
import { consumeQuota, releaseQuota } from './quota.usecases.ts';

export const quotaRpc = (parts: BillingParts): ServiceImpl<typeof QuotaService> => ({
  consumeQuota: async (request, context) => {
    const orgId = organizationOf(callerOf(context), request.orgId);
    try {
      await consumeQuota(parts, orgId, request.quota, request.holder, request.amount);
    } catch (error) {
      throw error instanceof QuotaExceededError ? quotaStatus(error) : error;
    }
    return {};
  },
  releaseQuota: async (request, context) => {
    await releaseQuota(parts, organizationOf(callerOf(context), request.orgId), request.quota, request.holder);
    return {};
  },
});

/** A service asks for the organization that its own call is about, and for no other. */
function organizationOf(caller: Caller, orgId: string): string {
  if (caller.orgId !== orgId) throw new PermissionProblem('quota.consume', orgId);
  return orgId;
}

import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { EntitlementSchema } from '@truffle/api/billing/v1/plan';
import type { PlanService } from '@truffle/api/billing/v1/plan_service';
import { pageOf } from '@truffle/database';
import { callerOf } from '@truffle/kit';
import type { BillingParts } from '../parts.ts';
import { usedByQuota } from '../quota/quota.repo.ts';
import { usageMessage } from '../usage/usage.codec.ts';
import { listUsage } from '../usage/usage.repo.ts';
import { planMessage } from './plan.codec.ts';
import { limitOf, plans, quotas } from './plan.ts';
import { planInForce } from './subscription.repo.ts';

export const planRpc = (parts: BillingParts): ServiceImpl<typeof PlanService> => ({
  listPlans: async (request) => {
    const page = pageOf(request.page);
    const { after } = page;
    const found = plans.filter((p) => after === undefined || p.name > after).slice(0, page.limit + 1);
    const { rows, next } = page.cut(found, (plan) => plan.name);
    return { plans: rows.map(planMessage), page: { next } };
  },
  getEntitlements: async (_request, context) =>
    parts.database.tenant(callerOf(context).orgId, async (tx) => {
      const plan = await planInForce(tx, parts.defaultPlan);
      const used = await usedByQuota(tx);
      const entitlements = Object.keys(quotas).map((quota) => {
        const limit = limitOf(plan, quota);
        return create(EntitlementSchema, {
          quota,
          used: used.get(quota) ?? 0n,
          ...(limit === undefined ? {} : { limit: BigInt(limit) }),
        });
      });
      return { plan: planMessage(plan), entitlements };
    }),
  listUsage: async (request, context) => {
    const page = pageOf(request.page);
    const found = await parts.database.tenant(callerOf(context).orgId, (tx) =>
      listUsage(tx, page.after, page.limit + 1),
    );
    const { rows, next } = page.cut(found, (row) => row.id);
    return { facts: rows.map(usageMessage), page: { next } };
  },
});

import { create } from '@bufbuild/protobuf';
import { BillingPlanSchema, type BillingPlan } from '@truffle/api/billing/v1/plan';
import type { Plan } from './plan.ts';

export const planMessage = (plan: Plan): BillingPlan =>
  create(BillingPlanSchema, {
    name: plan.name,
    title: plan.title,
    rates: [...plan.rates],
    auditRetentionDays: plan.auditRetentionDays ?? 0,
    limits: Object.fromEntries(Object.entries(plan.limits).map(([quota, limit]) => [quota, BigInt(limit)])),
  });

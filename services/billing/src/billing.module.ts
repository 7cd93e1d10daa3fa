import { PlanService, QuotaService } from '@truffle/api/billing/v1/plan_service';
import { RateService } from '@truffle/api/billing/v1/rate_service';
import { RetentionService } from '@truffle/api/billing/v1/retention_service';
import { integer, readSettings, text } from '@truffle/config';
import type { MakeModule, ServiceModule } from '@truffle/kit';
import type { BillingParts } from './parts.ts';
import { planRpc } from './plan/plan.rpc.ts';
import { rateRpc } from './plan/rate.rpc.ts';
import { builtInPlan, planNamed } from './plan/plan.ts';
import { retentionRpc } from './plan/retention.rpc.ts';
import { quotaRpc } from './quota/quota.rpc.ts';
import type { BillingTables } from './tables.ts';
import { UsageConsumer } from './usage/usage.consumer.ts';
import { meter } from './usage/usage.usecases.ts';

const billingSettings = {
  defaultPlan: text('TRUFFLE_DEFAULT_PLAN', 'plan of organizations without a subscription', { fallback: builtInPlan }),
  auditRetentionDays: integer(
    'TRUFFLE_AUDIT_RETENTION_DAYS',
    'days that the audit trail is kept where the plan does not say; 0 for ever',
    { fallback: 0, min: 0, max: 36_500 },
  ),
} as const;

/** Plans, quotas and usage. */
export const makeBillingModule: MakeModule = async (deps): Promise<ServiceModule> => {
  const settings = readSettings(billingSettings, deps.env, () => '');
  const database = deps.database<BillingTables>('svc_billing');
  const parts: BillingParts = {
    database,
    defaultPlan: planNamed(settings.defaultPlan),
    auditRetentionDays: settings.auditRetentionDays,
  };
  const consumer = new UsageConsumer({
    connection: deps.bell.connection,
    logger: deps.logger,
    take: (event) => meter(parts, event),
  });
  return {
    name: 'billing',
    services: [PlanService, QuotaService, RateService, RetentionService],
    scopes: {},
    ledger: database as never,
    register: (router) =>
      void router
        .service(PlanService, planRpc(parts))
        .service(QuotaService, quotaRpc(parts))
        .service(RateService, rateRpc(parts))
        .service(RetentionService, retentionRpc(parts)),
    start: async () => consumer.start(),
    ready: () => database.ping(),
    close: async () => {
      await consumer.close();
      await database.close();
    },
  };
};

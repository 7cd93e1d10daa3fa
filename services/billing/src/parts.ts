import type { Database } from '@truffle/database';
import type { Plan } from './plan/plan.ts';
import type { BillingTables } from './tables.ts';

/** What the billing service's use cases work with. */
export interface BillingParts {
  readonly database: Database<BillingTables>;
  /** Plan of an organization without a subscription. */
  readonly defaultPlan: Plan;
  /** Days that the audit trail is kept where the plan does not say; 0 for ever. */
  readonly auditRetentionDays: number;
}

import type { SubscriptionTable } from './plan/subscription.table.ts';
import type { QuotaHoldTable } from './quota/quota.table.ts';
import type { MeteredServerTable, UsageFactTable } from './usage/usage.table.ts';

export interface BillingTables {
  'billing.subscription': SubscriptionTable;
  'billing.quota_hold': QuotaHoldTable;
  'billing.usage_fact': UsageFactTable;
  'billing.metered_server': MeteredServerTable;
}

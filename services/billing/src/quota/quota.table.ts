import type { Generated } from 'kysely';

/** What one resource, or the request that makes it, has taken from a quota. */
export interface QuotaHoldTable {
  org_id: string;
  quota: string;
  holder: string;
  amount: string;
  created_at: Generated<Date>;
}

import type { Generated } from 'kysely';

/** Which plan an organization is on; without a row, the built-in one. */
export interface SubscriptionTable {
  org_id: string;
  plan: string;
  revision: Generated<string>;
  created_at: Generated<Date>;
}

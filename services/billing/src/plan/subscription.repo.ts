import type { Transaction } from '@truffle/database';
import type { BillingTables } from '../tables.ts';
import { planNamed, type Plan } from './plan.ts';

/** The plan that the tenant is on. */
export async function planInForce(tx: Transaction<BillingTables>, fallback: Plan): Promise<Plan> {
  const row = await tx.selectFrom('billing.subscription').select('plan').executeTakeFirst();
  return row === undefined ? fallback : planNamed(row.plan);
}

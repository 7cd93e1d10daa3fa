import type { Transaction } from '@truffle/database';
import { sql } from 'kysely';
import type { BillingTables } from '../tables.ts';

/** Lets one transaction at a time look at and take from the tenant's quotas; held to its end. */
export async function lockQuotas(tx: Transaction<BillingTables>, orgId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`billing.quota/${orgId}`}, 0))`.execute(tx);
}

export async function holds(tx: Transaction<BillingTables>, quota: string, holder: string): Promise<boolean> {
  const row = await tx
    .selectFrom('billing.quota_hold')
    .select('holder')
    .where('quota', '=', quota)
    .where('holder', '=', holder)
    .executeTakeFirst();
  return row !== undefined;
}

export async function usedOf(tx: Transaction<BillingTables>, quota: string): Promise<bigint> {
  const row = await tx
    .selectFrom('billing.quota_hold')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<string>('amount'), sql<string>`0`).as('used'))
    .where('quota', '=', quota)
    .executeTakeFirstOrThrow();
  return BigInt(row.used);
}

export async function usedByQuota(tx: Transaction<BillingTables>): Promise<Map<string, bigint>> {
  const rows = await tx
    .selectFrom('billing.quota_hold')
    .select((eb) => ['quota', eb.fn.sum<string>('amount').as('used')])
    .groupBy('quota')
    .execute();
  return new Map(rows.map((row) => [row.quota, BigInt(row.used)]));
}

export async function insertHold(
  tx: Transaction<BillingTables>,
  hold: { org_id: string; quota: string; holder: string; amount: string },
): Promise<void> {
  await tx.insertInto('billing.quota_hold').values(hold).execute();
}

export async function deleteHold(tx: Transaction<BillingTables>, quota: string, holder: string): Promise<void> {
  await tx.deleteFrom('billing.quota_hold').where('quota', '=', quota).where('holder', '=', holder).execute();
}

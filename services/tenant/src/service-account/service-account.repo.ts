import type { Transaction } from '@truffle/database';
import { sql, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { ServiceAccountTable } from './service-account.table.ts';

export type ServiceAccountRow = Selectable<ServiceAccountTable>;

export async function insertServiceAccount(tx: Transaction<TenantTables>, row: ServiceAccountRow): Promise<void> {
  await tx.insertInto('tenant.service_account').values(row).execute();
}

export async function findServiceAccount(
  tx: Transaction<TenantTables>,
  id: string,
): Promise<ServiceAccountRow | undefined> {
  return tx.selectFrom('tenant.service_account').selectAll().where('id', '=', id).executeTakeFirst();
}

/** By name. */
export async function listServiceAccounts(
  tx: Transaction<TenantTables>,
  after: string | undefined,
  limit: number,
): Promise<ServiceAccountRow[]> {
  let query = tx.selectFrom('tenant.service_account').selectAll();
  if (after !== undefined) query = query.where('name', '>', after);
  return query.orderBy('name').limit(limit).execute();
}

export async function changeServiceAccount(
  tx: Transaction<TenantTables>,
  id: string,
  change: Pick<ServiceAccountRow, 'description' | 'disabled'>,
): Promise<void> {
  await tx
    .updateTable('tenant.service_account')
    .set({ ...change, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

/** Its keys go with it. */
export async function deleteServiceAccount(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.service_account').where('id', '=', id).execute();
}

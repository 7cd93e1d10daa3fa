import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
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

/** What service accounts can be ordered by. Ids sort by the time of their making. */
export const serviceAccountOrdering: Ordering = {
  tie: 'id',
  by: {
    name: { sql: 'name', type: 'text', unique: true },
    created_at: { sql: 'id', type: 'text', unique: true },
  },
};

export const listServiceAccounts = (
  tx: Transaction<TenantTables>,
  page: OrderedPage,
): Promise<(ServiceAccountRow & OrderKey)[]> => page.of(tx.selectFrom('tenant.service_account').selectAll()).execute();

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

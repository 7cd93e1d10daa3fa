import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import { sql, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { RoleTable } from './role.table.ts';

export type RoleRow = Selectable<RoleTable>;

export async function insertRole(tx: Transaction<TenantTables>, row: RoleRow): Promise<void> {
  await tx.insertInto('tenant.role').values(row).execute();
}

export async function findRole(tx: Transaction<TenantTables>, id: string): Promise<RoleRow | undefined> {
  return tx.selectFrom('tenant.role').selectAll().where('id', '=', id).executeTakeFirst();
}

/** What roles can be ordered by. Ids sort by the time of their making. */
export const roleOrdering: Ordering = {
  tie: 'id',
  by: {
    name: { sql: 'name', type: 'text', unique: true },
    created_at: { sql: 'id', type: 'text', unique: true },
  },
};

export const listRoles = (tx: Transaction<TenantTables>, page: OrderedPage): Promise<(RoleRow & OrderKey)[]> =>
  page.of(tx.selectFrom('tenant.role').selectAll()).execute();

export async function changeRole(
  tx: Transaction<TenantTables>,
  id: string,
  change: Pick<RoleRow, 'description' | 'permissions'>,
): Promise<void> {
  await tx
    .updateTable('tenant.role')
    .set({ ...change, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

export async function deleteRole(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.role').where('id', '=', id).execute();
}

export async function countBindingsOfRole(tx: Transaction<TenantTables>, id: string): Promise<number> {
  const { count } = await tx
    .selectFrom('tenant.role_binding')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('role_id', '=', id)
    .executeTakeFirstOrThrow();
  return Number(count);
}

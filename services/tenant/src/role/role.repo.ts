import type { Transaction } from '@truffle/database';
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

/** By name. */
export async function listRoles(
  tx: Transaction<TenantTables>,
  after: string | undefined,
  limit: number,
): Promise<RoleRow[]> {
  let query = tx.selectFrom('tenant.role').selectAll();
  if (after !== undefined) query = query.where('name', '>', after);
  return query.orderBy('name').limit(limit).execute();
}

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

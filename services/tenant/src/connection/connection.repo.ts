import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { ConnectionTable } from './connection.table.ts';

export type ConnectionRow = Selectable<ConnectionTable>;

export async function insertConnection(tx: Transaction<TenantTables>, row: Insertable<ConnectionTable>): Promise<void> {
  await tx.insertInto('tenant.connection').values(row).execute();
}

export async function findConnection(tx: Transaction<TenantTables>, id: string): Promise<ConnectionRow | undefined> {
  return tx.selectFrom('tenant.connection').selectAll().where('id', '=', id).executeTakeFirst();
}

/** One that people may sign in by, of an organization that is there. For `svc_identity`. */
export async function findOpenConnection(
  tx: Transaction<TenantTables>,
  id: string,
): Promise<ConnectionRow | undefined> {
  return tx
    .selectFrom('tenant.connection')
    .innerJoin('tenant.organization', 'tenant.organization.org_id', 'tenant.connection.org_id')
    .selectAll('tenant.connection')
    .where('tenant.connection.id', '=', id)
    .where('enabled', '=', true)
    .where('tenant.organization.deleted_at', 'is', null)
    .executeTakeFirst();
}

/** The first of these ids that an issuer's access tokens may call by. For `svc_identity`. */
export async function findBearerConnection(
  tx: Transaction<TenantTables>,
  ids: readonly string[],
  issuer: string,
): Promise<ConnectionRow | undefined> {
  return tx
    .selectFrom('tenant.connection')
    .innerJoin('tenant.organization', 'tenant.organization.org_id', 'tenant.connection.org_id')
    .selectAll('tenant.connection')
    .where((eb) => eb('id', '=', eb.fn.any(eb.val([...ids]))))
    .where('issuer', '=', issuer)
    .where('enabled', '=', true)
    .where('bearer', '=', true)
    .where('tenant.organization.deleted_at', 'is', null)
    .orderBy('id')
    .executeTakeFirst();
}

/** What connections can be ordered by. Ids sort by the time of their making. */
export const connectionOrdering: Ordering = {
  tie: 'id',
  by: {
    created_at: { sql: 'id', type: 'text', unique: true },
    name: { sql: 'name', type: 'text' },
    issuer: { sql: 'issuer', type: 'text' },
  },
};

export const listConnections = (
  tx: Transaction<TenantTables>,
  page: OrderedPage,
): Promise<(ConnectionRow & OrderKey)[]> => page.of(tx.selectFrom('tenant.connection').selectAll()).execute();

export async function updateConnection(
  tx: Transaction<TenantTables>,
  id: string,
  set: Omit<Insertable<ConnectionTable>, 'org_id' | 'id' | 'created_at' | 'revision'>,
): Promise<ConnectionRow> {
  return tx
    .updateTable('tenant.connection')
    .set({ ...set, revision: sql`revision + 1` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteConnection(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.connection').where('id', '=', id).execute();
}

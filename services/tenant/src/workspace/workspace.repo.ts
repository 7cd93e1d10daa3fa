import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import type { ListView } from '@truffle/kit';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { WorkspaceTable } from './workspace.table.ts';

export type WorkspaceRow = Selectable<WorkspaceTable>;

export async function insertWorkspace(tx: Transaction<TenantTables>, row: Insertable<WorkspaceTable>): Promise<void> {
  await tx.insertInto('tenant.workspace').values(row).execute();
}

export async function findWorkspace(tx: Transaction<TenantTables>, id: string): Promise<WorkspaceRow | undefined> {
  return tx
    .selectFrom('tenant.workspace')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** As `findWorkspace`, held to the end of the transaction: nothing is made in it or taken from it meanwhile. */
export async function lockWorkspace(tx: Transaction<TenantTables>, id: string): Promise<WorkspaceRow | undefined> {
  return tx
    .selectFrom('tenant.workspace')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
}

/** What workspaces can be ordered by. Ids sort by the time of their making. */
export const workspaceOrdering: Ordering = {
  tie: 'id',
  by: {
    name: { sql: 'name', type: 'text', unique: true },
    created_at: { sql: 'id', type: 'text', unique: true },
  },
};

/** Those that somebody may see. */
export async function listWorkspaces(
  tx: Transaction<TenantTables>,
  seen: ListView,
  page: OrderedPage,
): Promise<(WorkspaceRow & OrderKey)[]> {
  let query = tx.selectFrom('tenant.workspace').selectAll().where('deleted_at', 'is', null);
  const { everything, only, except } = seen;
  if (!everything) query = query.where('id', 'in', ['', ...only]);
  if (except.length > 0) query = query.where('id', 'not in', [...except]);
  return page.of(query).execute();
}

export async function markWorkspaceDeleted(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('tenant.workspace')
    .set({ deleted_at: at, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import type { ListView } from '@truffle/kit';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { ProjectTable } from './project.table.ts';

export type ProjectRow = Selectable<ProjectTable>;

export async function insertProject(tx: Transaction<TenantTables>, row: Insertable<ProjectTable>): Promise<void> {
  await tx.insertInto('tenant.project').values(row).execute();
}

export async function findProject(tx: Transaction<TenantTables>, id: string): Promise<ProjectRow | undefined> {
  return tx
    .selectFrom('tenant.project')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** As `findProject`, held to the end of the transaction. */
export async function lockProject(tx: Transaction<TenantTables>, id: string): Promise<ProjectRow | undefined> {
  return tx
    .selectFrom('tenant.project')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
}

/** What projects can be ordered by. Ids sort by the time of their making. */
export const projectOrdering: Ordering = {
  tie: 'id',
  by: {
    name: { sql: 'name', type: 'text', unique: true },
    created_at: { sql: 'id', type: 'text', unique: true },
  },
};

/** Those that somebody may see. */
export async function listProjects(
  tx: Transaction<TenantTables>,
  seen: ListView,
  page: OrderedPage,
): Promise<(ProjectRow & OrderKey)[]> {
  let query = tx.selectFrom('tenant.project').selectAll().where('deleted_at', 'is', null);
  const { everything, only, except } = seen;
  if (!everything)
    query = query.where((eb) => eb.or([eb('id', 'in', ['', ...only]), eb('workspace_id', 'in', ['', ...only])]));
  if (except.length > 0) query = query.where('id', 'not in', [...except]).where('workspace_id', 'not in', [...except]);
  return page.of(query).execute();
}

export async function countProjects(tx: Transaction<TenantTables>, workspaceId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('tenant.project')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('workspace_id', '=', workspaceId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function markProjectDeleted(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('tenant.project')
    .set({ deleted_at: at, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

/** Ids of the projects in workspaces, also of those that were deleted. */
export async function projectsInWorkspaces(
  tx: Transaction<TenantTables>,
  workspaceIds: readonly string[],
): Promise<string[]> {
  const rows = await tx
    .selectFrom('tenant.project')
    .select('id')
    .where((eb) => eb('workspace_id', '=', eb.fn.any(eb.val([...workspaceIds]))))
    .execute();
  return rows.map((row) => row.id);
}

import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import { isId } from '@truffle/ids';
import type { FoundPlace, ListView } from '@truffle/kit';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { ClusterTable, Tables } from './cluster.table.ts';

export type ClusterRow = Selectable<ClusterTable>;
export type ClusterView = ClusterRow & { readonly server_count: number; readonly ready_count: number };

type Tx = Transaction<Tables>;

const view = (tx: Tx) =>
  tx
    .selectFrom('orchestration.cluster as c')
    .selectAll('c')
    .select([
      sql<number>`(select count(*)::int from orchestration.server s where s.org_id = c.org_id and s.cluster_id = c.id and s.state <> 'DELETED')`.as(
        'server_count',
      ),
      sql<number>`(select count(*)::int from orchestration.server s where s.org_id = c.org_id and s.cluster_id = c.id and s.state = 'READY')`.as(
        'ready_count',
      ),
    ]);

export const findCluster = (tx: Tx, id: string): Promise<ClusterView | undefined> =>
  view(tx).where('c.id', '=', id).executeTakeFirst();

/** Locks the row, so that one use case at a time decides about the cluster. */
export const lockCluster = (tx: Tx, id: string): Promise<ClusterRow | undefined> =>
  tx.selectFrom('orchestration.cluster').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();

/** Where a cluster, a server or an operation is; the latter two are part of a cluster. */
export async function findPlace(tx: Tx, id: string): Promise<FoundPlace | undefined> {
  if (isId(id, 'clu'))
    return tx
      .selectFrom('orchestration.cluster')
      .select('project_id as projectId')
      .where('id', '=', id)
      .executeTakeFirst();
  const row = await tx
    .selectFrom(isId(id, 'srv') ? 'orchestration.server' : 'orchestration.operation')
    .select(['project_id', 'cluster_id'])
    .where('id', '=', id)
    .executeTakeFirst();
  return row && { projectId: row.project_id, within: [row.cluster_id] };
}

/** What a project's clusters can be ordered by. The id of one whose making was repeated says nothing of its time. */
export const clusterOrdering: Ordering = {
  tie: 'c.id',
  by: {
    name: { sql: 'c.name', type: 'text' },
    state: { sql: 'c.state', type: 'text' },
    created_at: { sql: 'c.created_at', type: 'timestamptz' },
  },
};

export function listClusters(
  tx: Tx,
  projectId: string,
  filter: { readonly name: string; readonly showDeleted: boolean; readonly seen: ListView },
  page: OrderedPage,
): Promise<(ClusterView & OrderKey)[]> {
  let query = page.of(view(tx)).where('c.project_id', '=', projectId);
  const { everything, only, except } = filter.seen;
  if (!everything) query = query.where('c.id', 'in', ['', ...only]);
  if (except.length > 0) query = query.where('c.id', 'not in', [...except]);
  if (filter.name !== '') query = query.where('c.name', '=', filter.name);
  if (!filter.showDeleted) query = query.where('c.state', '<>', 'DELETED');
  return query.execute();
}

export async function insertCluster(tx: Tx, row: Insertable<ClusterTable>): Promise<void> {
  await tx.insertInto('orchestration.cluster').values(row).execute();
}

export type ClusterChange = Partial<Pick<ClusterTable, 'state' | 'operation_id' | 'deleted_at' | 'quota_holder'>> & {
  readonly outputs?: string;
  readonly failure?: string | null;
};

export async function updateCluster(tx: Tx, id: string, change: ClusterChange): Promise<void> {
  await tx
    .updateTable('orchestration.cluster')
    .set({ ...change, revision: sql`revision + 1`, updated_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}

/** Names of the organization's clusters that are not deleted, `most` at most, and how many there are. */
export async function clustersInUse(
  tx: Tx,
  most: number,
): Promise<{ readonly names: string[]; readonly count: number }> {
  const rows = await tx
    .selectFrom('orchestration.cluster')
    .select(['name', sql<number>`(count(*) over ())::int`.as('count')])
    .where('state', '<>', 'DELETED')
    .orderBy('name')
    .limit(most)
    .execute();
  return { names: rows.map((row) => row.name), count: rows[0]?.count ?? 0 };
}

export async function countClusters(tx: Tx, projectId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('orchestration.cluster')
    .select(sql<number>`count(*)::int`.as('count'))
    .where('project_id', '=', projectId)
    .where('state', '<>', 'DELETED')
    .executeTakeFirstOrThrow();
  return count;
}

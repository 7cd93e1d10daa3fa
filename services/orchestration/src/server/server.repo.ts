import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import type { ListView } from '@truffle/kit';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { Tables } from '../cluster/cluster.table.ts';
import type { AddressSource, Power, ServerState, ServerTable } from './server.table.ts';

export type ServerRow = Selectable<ServerTable>;
type Tx = Transaction<Tables>;

export const findServer = (tx: Tx, id: string): Promise<ServerRow | undefined> =>
  tx.selectFrom('orchestration.server').selectAll().where('id', '=', id).executeTakeFirst();

export const serversOf = (tx: Tx, clusterId: string): Promise<ServerRow[]> =>
  tx
    .selectFrom('orchestration.server')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .orderBy('role')
    .orderBy('index')
    .execute();

/** What a cluster's servers can be ordered by. */
export const serverOrdering: Ordering = {
  tie: 'id',
  by: {
    name: { sql: 'name', type: 'text', unique: true },
    role: { sql: 'role', type: 'text' },
    state: { sql: 'state', type: 'text' },
    node: { sql: 'node', type: 'text' },
  },
};

/** Those that may be seen. */
export function listServers(
  tx: Tx,
  clusterId: string,
  seen: ListView,
  page: OrderedPage,
): Promise<(ServerRow & OrderKey)[]> {
  let query = page.of(tx.selectFrom('orchestration.server').selectAll()).where('cluster_id', '=', clusterId);
  const { everything, only, except } = seen;
  if (!everything) query = query.where('id', 'in', ['', ...only]);
  if (except.length > 0) query = query.where('id', 'not in', [...except]);
  return query.execute();
}

/** What the servers of a project's clusters can be ordered by. */
export const projectServerOrdering: Ordering = {
  tie: 'id',
  by: { name: { sql: 'name', type: 'text' }, state: { sql: 'state', type: 'text' } },
};

/** Those of all clusters, or of one, that may be seen and are there. */
export function listProjectServers(
  tx: Tx,
  wanted: { readonly projectId: string; readonly clusterId: string; readonly seen: ListView },
  page: OrderedPage,
): Promise<(ServerRow & OrderKey)[]> {
  let query = page
    .of(tx.selectFrom('orchestration.server').selectAll())
    .where('project_id', '=', wanted.projectId)
    .where('state', '<>', 'DELETED');
  const { everything, only, except } = wanted.seen;
  if (!everything) {
    const ids = ['', ...only];
    query = query.where((eb) => eb.or([eb('cluster_id', 'in', ids), eb('id', 'in', ids)]));
  }
  if (except.length > 0) query = query.where('cluster_id', 'not in', [...except]).where('id', 'not in', [...except]);
  if (wanted.clusterId !== '') query = query.where('cluster_id', '=', wanted.clusterId);
  return query.execute();
}

export async function insertServers(tx: Tx, rows: readonly Insertable<ServerTable>[]): Promise<void> {
  if (rows.length > 0)
    await tx
      .insertInto('orchestration.server')
      .values([...rows])
      .execute();
}

/** What becomes of a server; what is left out stays as it is. */
export interface ServerChange {
  readonly id: string;
  readonly state?: ServerState;
  readonly node?: string;
  readonly address?: string;
  readonly addressSource?: AddressSource;
  readonly power?: Power;
  readonly cpu?: number;
  /** In bytes. */
  readonly memory?: number;
  /** In bytes. */
  readonly disk?: number;
}

/** Applies changes to many servers in one statement. What was found of a server's health ends when it is worked on. */
export async function updateServers(tx: Tx, changes: readonly ServerChange[]): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    update orchestration.server s set
      state = coalesce(c.state, s.state), node = coalesce(c.node, s.node), address = coalesce(c.address, s.address),
      address_source = coalesce(c."addressSource", s.address_source),
      power = coalesce(c.power, s.power), cpu = coalesce(c.cpu, s.cpu), memory_bytes = coalesce(c.memory, s.memory_bytes),
      disk_bytes = coalesce(c.disk, s.disk_bytes), revision = s.revision + 1,
      health = case when c.state <> 'READY' then null else s.health end,
      health_detail = case when c.state <> 'READY' then '' else s.health_detail end
    from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb)
      as c(id text, state text, node text, address text, "addressSource" text, power text, cpu int, memory bigint, disk bigint)
    where s.id = c.id`.execute(tx);
}

/**
 * Gives servers a higher fence than anything had before: a new intent on their VMs. One sequence for all, as a VM's number is used again
 * when its server is gone, and the agent remembers fences by number. Answers id -> fence.
 */
export async function raiseFences(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await tx
    .updateTable('orchestration.server')
    .set({ fence: sql`nextval('orchestration.fence')` })
    .where(sql<boolean>`id = any(${[...ids]})`)
    .returning(['id', 'fence'])
    .execute();
  return new Map(rows.map((row) => [row.id, row.fence]));
}

/** A fence above all that were, for an intent on what is no server. */
export async function nextFence(tx: Tx): Promise<bigint> {
  const { rows } = await sql<{ fence: string }>`select nextval('orchestration.fence') as fence`.execute(tx);
  return BigInt(rows[0]?.fence ?? 0);
}

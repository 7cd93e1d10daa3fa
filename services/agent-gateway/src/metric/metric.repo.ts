import { sql, type Selectable } from 'kysely';
import type { Tx } from '../tables.ts';
import type { MetricGapTable, MetricTable } from './metric.table.ts';

export type MetricRow = Selectable<MetricTable>;
export type MetricGapRow = Selectable<MetricGapTable>;

/** How long samples are kept. */
export const retentionMs = 7 * 24 * 3_600_000;
/** Gaps of one page. */
const mostGaps = 100;

/** Stores samples; what is stored already stays. */
export async function insertMetrics(
  tx: Tx,
  orgId: string,
  agentId: string,
  rows: readonly Omit<MetricRow, 'org_id' | 'agent_id'>[],
): Promise<void> {
  if (rows.length === 0) return;
  const column = <V>(of: (row: (typeof rows)[number]) => V): V[] => rows.map(of);
  await sql`
    insert into agent_gateway.metric
    select ${orgId}, ${agentId}, * from unnest(${column((r) => r.resource_id)}::text[], ${column((r) => r.time)}::timestamptz[],
      ${column((r) => r.cpu_share)}::real[], ${column((r) => r.memory_used_bytes)}::bigint[], ${column((r) => r.disk_read_bytes)}::bigint[],
      ${column((r) => r.disk_written_bytes)}::bigint[], ${column((r) => r.network_received_bytes)}::bigint[],
      ${column((r) => r.network_sent_bytes)}::bigint[], ${column((r) => r.journal_bytes)}::bigint[])
    on conflict do nothing`.execute(tx);
}

/** Stores gaps; one that has grown since it was told is the longer one. */
export async function insertGaps(
  tx: Tx,
  orgId: string,
  agentId: string,
  gaps: readonly Pick<MetricGapRow, 'first_time' | 'last_time' | 'n'>[],
): Promise<void> {
  if (gaps.length === 0) return;
  await sql`
    insert into agent_gateway.metric_gap as g
    select distinct on (first_time) ${orgId}, ${agentId}, first_time, last_time, n
    from unnest(${gaps.map((g) => g.first_time)}::timestamptz[], ${gaps.map((g) => g.last_time)}::timestamptz[], ${gaps.map((g) => g.n)}::bigint[])
      as given(first_time, last_time, n) order by first_time, n desc
    on conflict (org_id, agent_id, first_time) do update set last_time = excluded.last_time, n = excluded.n where excluded.n > g.n`.execute(
    tx,
  );
}

/** Samples of a resource from `start` until before `end`, after the time `after`, oldest first. */
export async function readMetrics(
  tx: Tx,
  about: { readonly agentId: string; readonly resourceId: string },
  range: { readonly start: Date; readonly end: Date; readonly after: Date | undefined },
  limit: number,
): Promise<MetricRow[]> {
  let query = tx
    .selectFrom('agent_gateway.metric')
    .selectAll()
    .where('agent_id', '=', about.agentId)
    .where('resource_id', '=', about.resourceId)
    .where('time', '>=', range.start)
    .where('time', '<', range.end);
  if (range.after !== undefined) query = query.where('time', '>', range.after);
  return query.orderBy('time').limit(limit).execute();
}

/** Gaps of an agent that reach into the time from `start` until before `end`, oldest first. */
export const readGaps = (tx: Tx, agentId: string, start: Date, end: Date): Promise<MetricGapRow[]> =>
  tx
    .selectFrom('agent_gateway.metric_gap')
    .selectAll()
    .where('agent_id', '=', agentId)
    .where('last_time', '>=', start)
    .where('first_time', '<', end)
    .orderBy('first_time')
    .limit(mostGaps)
    .execute();

/** Removes what is older than the retention, of any tenant, `limit` rows at most. @returns how many rows of samples went */
export async function deleteOldMetrics(tx: Tx, now: number, limit: number): Promise<number> {
  const before = new Date(now - retentionMs);
  await sql`delete from agent_gateway.metric_gap where last_time < ${before}`.execute(tx);
  const { numAffectedRows = 0n } = await sql`
    delete from agent_gateway.metric where (org_id, agent_id, resource_id, time) in (
      select org_id, agent_id, resource_id, time from agent_gateway.metric where time < ${before} order by time limit ${limit}
    )`.execute(tx);
  return Number(numAffectedRows);
}

import type { Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { BillingTables } from '../tables.ts';
import type { MeteredServerTable, UsageFactTable } from './usage.table.ts';

export type UsageFactRow = Selectable<UsageFactTable>;
export type MeteredServerRow = Selectable<MeteredServerTable>;

/** Adds what one event tells of a server and returns all that is known of it; the earliest of each wins, so that order and repetition don't matter. */
export async function noteServer(tx: Transaction<BillingTables>, row: MeteredServerRow): Promise<MeteredServerRow> {
  const { rows } = await sql<MeteredServerRow>`
    insert into billing.metered_server as m (org_id, server_id, ready_at, deleted_at, deleted_event_id)
    values (${row.org_id}, ${row.server_id}, ${row.ready_at}, ${row.deleted_at}, ${row.deleted_event_id})
    on conflict (org_id, server_id) do update set
      ready_at = least(m.ready_at, excluded.ready_at),
      deleted_at = coalesce(m.deleted_at, excluded.deleted_at),
      deleted_event_id = coalesce(m.deleted_event_id, excluded.deleted_event_id)
    returning org_id, server_id, ready_at, deleted_at, deleted_event_id`.execute(tx);
  return rows[0] ?? row;
}

/** Stores a fact unless its source event gave one before. */
export async function insertUsage(tx: Transaction<BillingTables>, fact: Insertable<UsageFactTable>): Promise<void> {
  await tx
    .insertInto('billing.usage_fact')
    .values(fact)
    .onConflict((conflict) => conflict.columns(['org_id', 'source_event_id']).doNothing())
    .execute();
}

/** Newest first: ids sort by the end of their window. */
export async function listUsage(
  tx: Transaction<BillingTables>,
  before: string | undefined,
  limit: number,
): Promise<UsageFactRow[]> {
  let query = tx.selectFrom('billing.usage_fact').selectAll();
  if (before !== undefined) query = query.where('id', '<', before);
  return query.orderBy('id', 'desc').limit(limit).execute();
}

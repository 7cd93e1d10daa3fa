import type { LedgerTables, Transaction } from '@truffle/database';
import { sql, type SelectQueryBuilder } from 'kysely';

/** An event as it is chained, published and read: every column but the hash. */
export interface EventRecord {
  readonly id: string;
  readonly org_id: string;
  readonly n: string;
  readonly type: string;
  readonly resource_id: string;
  readonly project_id: string | null;
  readonly actor_subject: string;
  readonly actor_on_behalf_of: string | null;
  readonly actor_name: string | null;
  readonly request_id: string;
  readonly traceparent: string | null;
  readonly visibility: string;
  /** UTC with microseconds, e.g. `2026-11-23T10:00:00.000000Z`: a JavaScript date would cut them. */
  readonly occurred_at: string;
  readonly data: Record<string, unknown>;
}

/** The columns of an `EventRecord`. */
export function selectRecord<O>(query: SelectQueryBuilder<LedgerTables, 'ledger.event', O>) {
  return query
    .select(['id', 'org_id', 'type', 'resource_id', 'project_id', 'actor_subject', 'actor_on_behalf_of', 'actor_name'])
    .select(['request_id', 'traceparent', 'visibility', 'data'])
    .select(sql<string>`coalesce(n, 0)::text`.as('n'))
    .select(sql<string>`to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('occurred_at'));
}

/** The tenant's events with a number above `after`, in order; of one resource when `resourceId` is not empty. */
export async function readEvents(
  tx: Transaction<LedgerTables>,
  after: bigint,
  limit: number,
  resourceId = '',
): Promise<EventRecord[]> {
  let query = selectRecord(tx.selectFrom('ledger.event')).where('ledger.event.n', '>', String(after));
  if (resourceId !== '') query = query.where('resource_id', '=', resourceId);
  return query.orderBy('ledger.event.n').limit(limit).execute();
}

/** The number of the tenant's newest event; 0 when there is none. */
export async function newestNumber(tx: Transaction<LedgerTables>): Promise<bigint> {
  const head = await tx.selectFrom('ledger.head').select('n').executeTakeFirst();
  return BigInt(head?.n ?? 0);
}

import type { AuditRecord } from '@truffle/audit';
import type { LedgerTables, Transaction } from '@truffle/database';
import { sql, type SelectQueryBuilder } from 'kysely';
import type { EventView } from './event.view.ts';

/** A record with the name that its actor went by; null once it was erased. */
export type NamedRecord = AuditRecord & { readonly actor_name: string | null };

/** The columns of an `AuditRecord`. */
export function selectRecord<O>(query: SelectQueryBuilder<LedgerTables, 'ledger.event', O>) {
  return query
    .select(['ledger.event.id', 'ledger.event.org_id', 'type', 'action', 'result', 'resource_id', 'project_id'])
    .select(['actor_subject', 'actor_on_behalf_of', 'person', 'request_id', 'traceparent', 'visibility', 'data'])
    .select(sql<string>`coalesce(n, 0)::text`.as('n'))
    .select(sql<string>`to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('occurred_at'));
}

/** The tenant's events with a number above `after`, in order, as far as `view` goes; of one resource when `resourceId` is not empty. */
export async function readEvents(
  tx: Transaction<LedgerTables>,
  after: bigint,
  limit: number,
  resourceId = '',
  view: EventView = { everything: true, only: [], except: [] },
): Promise<NamedRecord[]> {
  let query = selectRecord(tx.selectFrom('ledger.event'))
    .select((eb) =>
      eb
        .selectFrom('ledger.person')
        .select('name')
        .whereRef('ledger.person.org_id', '=', 'ledger.event.org_id')
        .whereRef('ledger.person.id', '=', 'ledger.event.person')
        .as('actor_name'),
    )
    .where('ledger.event.n', '>', String(after));
  if (resourceId !== '') query = query.where('resource_id', '=', resourceId);
  const of = (ids: readonly string[]) =>
    sql<boolean>`(coalesce(project_id, '') = any(${ids}::text[]) or resource_id = any(${ids}::text[]))`;
  if (!view.everything) query = query.where(of(view.only));
  if (view.except.length > 0) query = query.where(sql<boolean>`not ${of(view.except)}`);
  return query.orderBy('ledger.event.n').limit(limit).execute();
}

/** The number of the tenant's newest event; 0 when there is none. */
export async function newestNumber(tx: Transaction<LedgerTables>): Promise<bigint> {
  const head = await tx.selectFrom('ledger.head').select('n').executeTakeFirst();
  return BigInt(head?.n ?? 0);
}

import type { AuditRecord, Checkpoint, PersonalData } from '@truffle/audit';
import type { LedgerTables, Transaction } from '@truffle/database';
import { sql, type RawBuilder } from 'kysely';
import { selectRecord } from '../event/event.repo.ts';

/** Which records; what is empty or undefined is no condition. */
export interface RecordFilter {
  readonly actor: string;
  readonly action: string;
  readonly resourceId: string;
  readonly projectId: string;
  readonly result: string;
  readonly address: string;
  readonly from: Date | undefined;
  readonly until: Date | undefined;
}

/** A record with its hash and what is beside the chain. */
export interface FullRecord {
  readonly record: AuditRecord;
  readonly hash: Buffer;
  readonly personal: (PersonalData & { readonly salt: Buffer }) | null;
}

/** Where reading begins and how far it goes: numbers, both left out of what is read. */
export interface Span {
  readonly above?: bigint | undefined;
  readonly below?: bigint | undefined;
  readonly order: 'asc' | 'desc';
}

/** The tenant's chained records that `filter` lets through. */
export async function readRecords(
  tx: Transaction<LedgerTables>,
  filter: RecordFilter | undefined,
  span: Span,
  limit: number,
): Promise<FullRecord[]> {
  let query = selectRecord(
    tx
      .selectFrom('ledger.event')
      .leftJoin('ledger.person', (join) =>
        join
          .onRef('ledger.person.org_id', '=', 'ledger.event.org_id')
          .onRef('ledger.person.id', '=', 'ledger.event.person'),
      ) as never,
  )
    .select(['hash', sql<Buffer | null>`salt`.as('salt'), sql<string | null>`name`.as('name')])
    .select([sql<string | null>`address`.as('address'), sql<string | null>`user_agent`.as('user_agent')])
    .where('hash', 'is not', null)
    .orderBy('ledger.event.n', span.order)
    .limit(limit);
  if (span.above !== undefined) query = query.where('ledger.event.n', '>', String(span.above));
  if (span.below !== undefined) query = query.where('ledger.event.n', '<', String(span.below));
  for (const condition of filter === undefined ? [] : conditionsOf(filter)) query = query.where(condition);
  const rows = await query.execute();
  return rows.map(({ hash, salt, name, address, user_agent, ...record }) => ({
    record,
    hash: hash ?? Buffer.alloc(0),
    personal: salt === null ? null : { salt, name, address, user_agent },
  }));
}

function conditionsOf(filter: RecordFilter): RawBuilder<boolean>[] {
  const { actor, action, resourceId, projectId, result, address, from, until } = filter;
  const all: (RawBuilder<boolean> | undefined)[] = [
    // The first is what the index is over; who acted in another's name is found by their own too.
    actor === ''
      ? undefined
      : actor.startsWith('svc:')
        ? sql<boolean>`actor_subject = ${actor}`
        : sql<boolean>`coalesce(actor_on_behalf_of, actor_subject) = ${actor}`,
    action === '' ? undefined : actionIs(action),
    resourceId === '' ? undefined : sql<boolean>`resource_id = ${resourceId}`,
    projectId === '' ? undefined : sql<boolean>`project_id = ${projectId}`,
    result === '' ? undefined : result === 'REFUSED' ? sql<boolean>`result <> 'OK'` : sql<boolean>`result = ${result}`,
    address === '' ? undefined : sql<boolean>`person in (select id from ledger.person where address = ${address})`,
    from === undefined ? undefined : sql<boolean>`occurred_at >= ${from}`,
    until === undefined ? undefined : sql<boolean>`occurred_at < ${until}`,
  ];
  return all.filter((each) => each !== undefined);
}

function actionIs(action: string): RawBuilder<boolean> {
  if (!action.endsWith('.*')) return sql<boolean>`(action = ${action} or type = ${action})`;
  const noun = action.slice(0, -1);
  return sql<boolean>`(starts_with(action, ${noun}) or starts_with(type, ${noun}) or starts_with(type, ${`dev.truffle.${noun}`}))`;
}

/** Numbers of the first event that is to be there and of the newest. */
export async function readBounds(
  tx: Transaction<LedgerTables>,
): Promise<{ readonly first: bigint; readonly newest: bigint }> {
  const head = await tx.selectFrom('ledger.head').select(['first_n', 'n']).executeTakeFirst();
  return { first: BigInt(head?.first_n ?? 1), newest: BigInt(head?.n ?? 0) };
}

/** The tenant's checkpoints within `span`. */
export async function readCheckpoints(tx: Transaction<LedgerTables>, span: Span, limit: number): Promise<Checkpoint[]> {
  let query = tx.selectFrom('ledger.checkpoint').selectAll().orderBy('n', span.order).orderBy('kind').limit(limit);
  if (span.above !== undefined) query = query.where('n', '>', String(span.above));
  if (span.below !== undefined) query = query.where('n', '<', String(span.below));
  const rows = await query.execute();
  return rows.map((row) => ({
    kind: row.kind === 'start' ? 'start' : 'head',
    org_id: row.org_id,
    n: row.n,
    hash: row.hash.toString('hex'),
    at: row.at,
    key_id: row.key_id,
    signature: row.signature,
  }));
}

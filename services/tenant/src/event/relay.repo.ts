import type { AuditRecord } from '@truffle/audit';
import type { LedgerTables, Transaction } from '@truffle/database';
import { sql } from 'kysely';
import { selectRecord } from './event.repo.ts';

/** Everything here is for `svc_relay`; leases are for whoever has a job that one process at a time does. */

/** A turn at being the relay: what it writes counts only while the lease row still says so. */
export interface Turn {
  readonly holder: string;
  readonly fence: string;
}

const relayLease = 'relay';

/** Another process has become the relay. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  readonly code = 'LEASE_LOST';
  constructor() {
    super('another process numbers the events now');
  }
}

/** Takes the lease when it is free or has run out; undefined while another holds it. The fence rises with each new turn. */
export async function takeLease(
  tx: Transaction<LedgerTables>,
  holder: string,
  seconds: number,
  name = relayLease,
): Promise<Turn | undefined> {
  const { rows } = await sql<{ fence: string }>`
    insert into ledger.lease as l (name, holder, fence, until) values (${name}, ${holder}, 1, now() + make_interval(secs => ${seconds}))
    on conflict (name) do update set holder = excluded.holder, fence = l.fence + 1, until = excluded.until where l.until < now()
    returning fence`.execute(tx);
  return rows[0] === undefined ? undefined : { holder, fence: rows[0].fence };
}

/** Holds on to the lease; false when it went to another. */
export async function renewLease(
  tx: Transaction<LedgerTables>,
  turn: Turn,
  seconds: number,
  name = relayLease,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('ledger.lease')
    .set({ until: sql`now() + make_interval(secs => ${seconds})` })
    .where('name', '=', name)
    .where('holder', '=', turn.holder)
    .where('fence', '=', turn.fence)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Locks the lease to the end of the transaction, so that nobody takes it before this turn's work is committed. @throws LeaseLostError */
export async function demandLease(tx: Transaction<LedgerTables>, turn: Turn): Promise<void> {
  const row = await tx
    .selectFrom('ledger.lease')
    .select('fence')
    .where('name', '=', relayLease)
    .where('holder', '=', turn.holder)
    .where('fence', '=', turn.fence)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new LeaseLostError();
}

/** Events that wait for their hash: first those that have their number already (a migration changed their form), then in the order that they happened. */
export async function readUnnumbered(tx: Transaction<LedgerTables>, limit: number): Promise<AuditRecord[]> {
  return selectRecord(tx.selectFrom('ledger.event'))
    .where('hash', 'is', null)
    .orderBy('ledger.event.n', (n) => n.asc().nullsLast())
    .orderBy('ledger.event.occurred_at')
    .orderBy('ledger.event.id')
    .limit(limit)
    .execute();
}

/** Where an organization's chain stands. */
export interface Head {
  readonly n: bigint;
  readonly hash: Buffer;
}

export async function readHeads(tx: Transaction<LedgerTables>, orgIds: readonly string[]): Promise<Map<string, Head>> {
  const rows = await tx
    .selectFrom('ledger.head')
    .select(['org_id', 'n', 'hash'])
    .where((eb) => eb('org_id', '=', eb.fn.any(eb.val([...orgIds]))))
    .execute();
  return new Map(rows.map((row) => [row.org_id, { n: BigInt(row.n), hash: row.hash }]));
}

export async function writeNumbers(
  tx: Transaction<LedgerTables>,
  numbered: readonly { readonly id: string; readonly n: string; readonly hash: Buffer }[],
): Promise<void> {
  await sql`
    update ledger.event e set n = v.n, hash = v.hash
    from unnest(${numbered.map((e) => e.id)}::text[], ${numbered.map((e) => e.n)}::bigint[], ${numbered.map((e) => e.hash)}::bytea[]) v (id, n, hash)
    where e.id = v.id`.execute(tx);
}

export async function writeHeads(tx: Transaction<LedgerTables>, heads: ReadonlyMap<string, Head>): Promise<void> {
  const all = [...heads];
  await sql`
    insert into ledger.head (org_id, n, hash)
    select * from unnest(${all.map(([orgId]) => orgId)}::text[], ${all.map(([, h]) => String(h.n))}::bigint[], ${all.map(([, h]) => h.hash)}::bytea[])
    on conflict (org_id) do update set n = excluded.n, hash = excluded.hash`.execute(tx);
}

/** Organizations with numbered events that are not published yet; any of them, so that none waits for another's backlog. */
export async function readUnpublished(
  tx: Transaction<LedgerTables>,
  limit: number,
): Promise<{ readonly org_id: string; readonly published_n: string }[]> {
  return tx
    .selectFrom('ledger.head')
    .select(['org_id', 'published_n'])
    .whereRef('published_n', '<', 'n')
    .orderBy(sql`random()`)
    .limit(limit)
    .execute();
}

export async function readNumbered(
  tx: Transaction<LedgerTables>,
  orgId: string,
  after: string,
  limit: number,
): Promise<AuditRecord[]> {
  return selectRecord(tx.selectFrom('ledger.event'))
    .where('org_id', '=', orgId)
    .where('ledger.event.n', '>', after)
    .orderBy('ledger.event.n')
    .limit(limit)
    .execute();
}

export async function writePublished(tx: Transaction<LedgerTables>, orgId: string, n: string): Promise<void> {
  await tx.updateTable('ledger.head').set({ published_n: n }).where('org_id', '=', orgId).execute();
}

/** Has every event of the last `days` published again: the stream that held them is gone. */
export async function rewindPublished(tx: Transaction<LedgerTables>, days: number): Promise<void> {
  await sql`
    update ledger.head h set published_n = kept.first - 1
    from (select org_id, min(n) as first from ledger.event where n is not null and occurred_at > now() - make_interval(days => ${days}) group by org_id) kept
    where kept.org_id = h.org_id and h.published_n >= kept.first`.execute(tx);
}

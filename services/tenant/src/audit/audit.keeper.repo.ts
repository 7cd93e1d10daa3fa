import type { Checkpoint } from '@truffle/audit';
import type { LedgerTables, Transaction } from '@truffle/database';
import { sql } from 'kysely';

/** Everything here is for `svc_ledger_keeper`, which looks across organizations. */

type Tx = Transaction<LedgerTables>;

/** Heads that no checkpoint covers, of organizations whose last one is older than `seconds`. */
export async function readUnprovenHeads(
  tx: Tx,
  seconds: number,
  limit: number,
): Promise<{ readonly org_id: string; readonly n: string; readonly hash: Buffer }[]> {
  return tx
    .selectFrom('ledger.head')
    .select(['org_id', 'n', 'hash'])
    .whereRef('checkpoint_n', '<', 'n')
    .where((eb) =>
      eb.or([
        eb('checkpoint_at', 'is', null),
        eb('checkpoint_at', '<=', sql<Date>`now() - make_interval(secs => ${seconds})`),
      ]),
    )
    .limit(limit)
    .execute();
}

export async function writeCheckpoint(tx: Tx, checkpoint: Checkpoint): Promise<void> {
  await tx
    .insertInto('ledger.checkpoint')
    .values({
      org_id: checkpoint.org_id,
      n: checkpoint.n,
      kind: checkpoint.kind,
      hash: Buffer.from(checkpoint.hash, 'hex'),
      at: checkpoint.at,
      key_id: checkpoint.key_id,
      signature: checkpoint.signature,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function noteCheckpoint(tx: Tx, orgId: string, n: string): Promise<void> {
  await tx
    .updateTable('ledger.head')
    .set({ checkpoint_n: n, checkpoint_at: sql`now()` })
    .where('org_id', '=', orgId)
    .where('checkpoint_n', '<', n)
    .execute();
}

/** Organizations with events, after `after` in the order of their ids. */
export async function readOrganizations(tx: Tx, after: string, limit: number): Promise<string[]> {
  const rows = await tx
    .selectFrom('ledger.head')
    .select('org_id')
    .where('org_id', '>', after)
    .orderBy('org_id')
    .limit(limit)
    .execute();
  return rows.map((row) => row.org_id);
}

/** The newest event of those that all happened before `until`, of what is still there; the newest of all is never among them. */
export async function lastBefore(
  tx: Tx,
  orgId: string,
  until: Date,
): Promise<{ readonly n: string; readonly hash: Buffer } | undefined> {
  const { rows } = await sql<{ n: string; hash: Buffer }>`
    select e.n, e.hash from ledger.head h
      cross join lateral (select coalesce((select n from ledger.event
        where org_id = h.org_id and n >= h.first_n and occurred_at >= ${until} order by n limit 1), h.n) - 1 as n) kept
      join ledger.event e on e.org_id = h.org_id and e.n = kept.n
    where h.org_id = ${orgId} and kept.n >= h.first_n and kept.n <= h.published_n and e.hash is not null`.execute(tx);
  return rows[0];
}

/** What is there begins after `n` from now on. */
export async function beginAfter(tx: Tx, orgId: string, n: string): Promise<void> {
  await tx
    .updateTable('ledger.head')
    .set({ first_n: sql`${n}::bigint + 1` })
    .where('org_id', '=', orgId)
    .execute();
  // The checkpoint that stands for what is gone stands for theirs too.
  await tx.deleteFrom('ledger.checkpoint').where('org_id', '=', orgId).where('ledger.checkpoint.n', '<', n).execute();
}

/** Removes some of the events before the first that is to be there, and the personal data that nothing names any more. How many it were. */
export async function removeSome(tx: Tx, orgId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ person: string | null }>`
    delete from ledger.event where id in (
      select e.id from ledger.event e join ledger.head h on h.org_id = e.org_id
      where e.org_id = ${orgId} and e.n < h.first_n order by e.n limit ${limit})
    returning person`.execute(tx);
  const people = [...new Set(rows.flatMap(({ person }) => (person === null ? [] : [person])))];
  if (people.length > 0)
    await sql`
      delete from ledger.person p where p.org_id = ${orgId} and p.id = any(${people}::text[])
        and not exists (select 1 from ledger.event e where e.org_id = p.org_id and e.person = p.id)`.execute(tx);
  return rows.length;
}

/** Erases what is personal about `subject`; everywhere without an organization. How many rows it were. */
export async function erasePerson(tx: Tx, subject: string, orgId?: string): Promise<bigint> {
  let query = tx
    .updateTable('ledger.person')
    .set({ salt: null, name: null, address: null, user_agent: null, erased_at: sql`now()` })
    .where('subject', '=', subject)
    .where('erased_at', 'is', null);
  if (orgId !== undefined) query = query.where('org_id', '=', orgId);
  return (await query.executeTakeFirst()).numUpdatedRows;
}

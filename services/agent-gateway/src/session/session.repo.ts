import { sql } from 'kysely';
import type { Tx } from '../tables.ts';
import type { KnownSession } from './admission.ts';

/** Locks an agent's session (always before its agent's row) and reads what is known of an agent's sessions; undefined when there is no such agent. */
export async function lockSession(tx: Tx, agentId: string): Promise<KnownSession | undefined> {
  const row = await tx
    .selectFrom('agent_gateway.agent as a')
    .innerJoin('agent_gateway.agent_session as s', (join) =>
      join.onRef('s.org_id', '=', 'a.org_id').onRef('s.agent_id', '=', 'a.id'),
    )
    .select(['a.state', 'a.certificate_serial', 'a.next_serial'])
    .select(['s.incarnation', 's.journal_lsn', 's.continuity', 's.continuity_next', 's.changed_at', 's.denied'])
    .select(
      sql<boolean>`s.open and exists (select from agent_gateway.gateway g where g.id = s.gateway_id and g.lease_until > now())`.as(
        'live',
      ),
    )
    .where('a.id', '=', agentId)
    .forUpdate('s')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    standing: row.state,
    certificateSerials: [row.certificate_serial, ...(row.next_serial === null ? [] : [row.next_serial])],
    incarnation: row.incarnation,
    journalLsn: BigInt(row.journal_lsn),
    continuity: row.continuity?.toString('hex') ?? null,
    continuityNext: row.continuity_next?.toString('hex') ?? null,
    live: row.live,
    changedAt: row.changed_at.getTime(),
    denied: row.denied,
  };
}

/** A session to store. */
export interface OfferedSession {
  readonly agentId: string;
  readonly sessionId: string;
  readonly gatewayId: string;
  readonly incarnation: string;
  readonly journalLsn: bigint;
  readonly continuitySha256: Buffer;
  /** The incarnation is a new one: what the old one had to present is void. */
  readonly fresh: boolean;
  /** The presented token (its SHA-256) is an offered one whose Ready was lost: from now on it is the one to present. */
  readonly adopted: Buffer | undefined;
}

/** The offered tokens' SHA-256, newest last. */
export const offeredTokens = (joined: Buffer): Buffer[] =>
  Array.from({ length: joined.length / 32 }, (_, i) => joined.subarray(32 * i, 32 * i + 32));

/** Bytes of offered tokens that are remembered until one is confirmed: eight of them. */
const offeredBytes = 8 * 32;

/** Stores the offer under the next epoch, which fences every older session at once. */
export async function offerSession(tx: Tx, offer: OfferedSession): Promise<number> {
  const row = await tx
    .updateTable('agent_gateway.agent_session')
    .set((eb) => ({
      epoch: sql<string>`epoch + 1`,
      session_id: offer.sessionId,
      gateway_id: offer.gatewayId,
      open: true,
      changed_at: sql<Date>`now()`,
      incarnation: offer.incarnation,
      journal_lsn: String(offer.journalLsn),
      continuity: offer.fresh ? null : (offer.adopted ?? eb.ref('continuity')),
      continuity_next:
        offer.fresh || offer.adopted !== undefined
          ? offer.continuitySha256
          : sql<Buffer>`substring(coalesce(continuity_next, '') || ${offer.continuitySha256}::bytea from greatest(1, coalesce(length(continuity_next), 0) + 33 - ${offeredBytes}::int))`,
    }))
    .where('agent_id', '=', offer.agentId)
    .returning('epoch')
    .executeTakeFirstOrThrow();
  return Number(row.epoch);
}

/** Switches to the token offered last, which is the one of this epoch; false when a newer session has the epoch. */
export async function confirmSession(tx: Tx, agentId: string, epoch: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('agent_gateway.agent_session')
    .set({
      continuity: sql<Buffer>`substring(continuity_next from length(continuity_next) - 31)`,
      continuity_next: null,
      changed_at: sql<Date>`now()`,
    })
    .where('agent_id', '=', agentId)
    .where('epoch', '=', String(epoch))
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Marks a session open that was closed; false when it is open, or when a newer one has the epoch. */
export async function reopenSession(tx: Tx, agentId: string, epoch: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('agent_gateway.agent_session')
    .set({ open: true })
    .where('agent_id', '=', agentId)
    .where('epoch', '=', String(epoch))
    .where('open', '=', false)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Marks the session closed; false when a newer one has the epoch. */
export async function closeSession(tx: Tx, agentId: string, epoch: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('agent_gateway.agent_session')
    .set({ open: false })
    .where('agent_id', '=', agentId)
    .where('epoch', '=', String(epoch))
    .where('open', '=', true)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** A session's standing, held fast against a newer one until the transaction ends. */
export interface HeldSession {
  readonly agentId: string;
  readonly epoch: number;
  /** Neither quarantined nor revoked. */
  readonly trusted: boolean;
}

export async function holdSessions(tx: Tx, agentIds: readonly string[]): Promise<ReadonlyMap<string, HeldSession>> {
  const rows = await tx
    .selectFrom('agent_gateway.agent_session as s')
    .innerJoin('agent_gateway.agent as a', (join) =>
      join.onRef('a.org_id', '=', 's.org_id').onRef('a.id', '=', 's.agent_id'),
    )
    .select(['s.agent_id', 's.epoch', 'a.state'])
    .where('s.agent_id', '=', sql<string>`any(${agentIds}::text[])`)
    .orderBy('s.agent_id')
    .forShare('s')
    .execute();
  return new Map(
    rows.map((row) => [
      row.agent_id,
      { agentId: row.agent_id, epoch: Number(row.epoch), trusted: row.state === 'ONLINE' },
    ]),
  );
}

/** The database's clock (not the transaction's beginning: locks may have been waited for), and whether the gateway's lease is in force by it. */
export async function leaseNow(tx: Tx, gatewayId: string): Promise<{ readonly now: number; readonly leased: boolean }> {
  const { rows } = await sql<{ now: Date; leased: boolean }>`
    select clock_timestamp() as now, exists (select from agent_gateway.gateway where id = ${gatewayId} and lease_until > clock_timestamp()) as leased`.execute(
    tx,
  );
  return { now: rows[0]?.now.getTime() ?? Number.NaN, leased: rows[0]?.leased ?? false };
}

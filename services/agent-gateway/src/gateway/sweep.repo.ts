import { sql } from 'kysely';
import type { Tx } from '../tables.ts';

/** Agents of `agentIds` for which commands are queued. */
export async function agentsWithQueued(tx: Tx, agentIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select a.id from unnest(${agentIds}::text[]) as a(id)
    join agent_gateway.agent g on g.id = a.id
    where exists (select from agent_gateway.command c where c.org_id = g.org_id and c.agent_id = a.id and c.state = 'QUEUED')`.execute(
    tx,
  );
  return rows.map((row) => row.id);
}

/** Running commands of `agentIds` that are to stop. */
export const commandsToStop = (tx: Tx, agentIds: readonly string[]) =>
  tx
    .selectFrom('agent_gateway.command')
    .select(['id', 'agent_id'])
    .where('agent_id', '=', sql<string>`any(${agentIds}::text[])`)
    .where('state', '=', 'RUNNING')
    .where('cancel_requested', '=', true)
    .execute();

/** Commands of `agentIds` that count as sent. */
export const dispatchedTo = (tx: Tx, agentIds: readonly string[]) =>
  tx
    .selectFrom('agent_gateway.command')
    .select(['id', 'agent_id'])
    .where('agent_id', '=', sql<string>`any(${agentIds}::text[])`)
    .where('state', '=', 'DISPATCHED')
    .execute();

/** Those of `ids` that have ended. */
export async function endedOf(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx
    .selectFrom('agent_gateway.command')
    .select('id')
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .where('state', 'in', ['SUCCEEDED', 'FAILED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'ABANDONED'])
    .execute();
  return new Set(rows.map((row) => row.id));
}

/** Commands of any tenant whose time has passed: not begun by then, or run and not heard of. */
export async function overdueCommands(
  tx: Tx,
  limit: number,
): Promise<{ readonly org_id: string; readonly id: string }[]> {
  const { rows } = await sql<{ org_id: string; id: string }>`
    select org_id, id from agent_gateway.command
    where state in ('QUEUED', 'DISPATCHED', 'ACCEPTED', 'RUNNING') and coalesce(run_until, start_by) <= now()
    order by coalesce(run_until, start_by) limit ${limit}`.execute(tx);
  return rows;
}

/** Sessions of any tenant that are open at a gateway that is gone. */
export const orphanedSessions = (tx: Tx, limit: number) =>
  tx
    .selectFrom('agent_gateway.agent_session as s')
    .leftJoin('agent_gateway.gateway as g', 'g.id', 's.gateway_id')
    .select(['s.org_id', 's.agent_id', 's.epoch'])
    .where('s.open', '=', true)
    .where((eb) => eb.or([eb('g.id', 'is', null), eb('g.lease_until', '<', sql<Date>`now() - interval '15 seconds'`)]))
    .limit(limit)
    .execute();

/** How many agents of the whole fleet are in quarantine; costs by those, not by the fleet. */
export async function countQuarantined(tx: Tx): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from agent_gateway.agent where state = 'QUARANTINED'`.execute(tx);
  return rows[0]?.n ?? 0;
}

/** Where agents and their newest sessions stand. */
export const standings = (tx: Tx, agentIds: readonly string[]) =>
  tx
    .selectFrom('agent_gateway.agent as a')
    .innerJoin('agent_gateway.agent_session as s', (join) =>
      join.onRef('s.org_id', '=', 'a.org_id').onRef('s.agent_id', '=', 'a.id'),
    )
    .select(['a.id', 'a.state', 'a.certificate_serial', 'a.next_serial', 's.epoch', 's.open'])
    .where('a.id', '=', sql<string>`any(${agentIds}::text[])`)
    .execute();

/** Notes that agents were heard. */
export const touchAgents = (tx: Tx, agentIds: readonly string[]) =>
  tx
    .updateTable('agent_gateway.agent')
    .set({ last_seen_at: sql<Date>`now()` })
    .where('id', '=', sql<string>`any(${agentIds}::text[])`)
    .execute();

import type { Selectable } from 'kysely';
import { withCommit, type OrderedPage, type Ordering, type OrderKey } from '@truffle/database';
import { sql } from 'kysely';
import type { ListView } from '@truffle/kit';
import type { Tx } from '../tables.ts';
import type { AgentStanding } from './agent.ts';
import type { AgentTable } from './agent.table.ts';

export type AgentRow = Selectable<AgentTable>;

/** Where an agent stands, its row locked. */
export interface LockedStanding {
  readonly state: AgentStanding;
  readonly stateSince: Date;
  /** Of the certificate that is accepted beside the present one. */
  readonly nextSerial: string | null;
}

/** Undefined when there is no such agent. */
export async function lockStanding(tx: Tx, agentId: string): Promise<LockedStanding | undefined> {
  const row = await tx
    .selectFrom('agent_gateway.agent')
    .select(['state', 'state_since', 'next_serial'])
    .where('id', '=', agentId)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : { state: row.state, stateSince: row.state_since, nextSerial: row.next_serial };
}

type MovedTo = Exclude<AgentStanding, 'ENROLLED'>;
type Told = { readonly version: string; readonly capabilities: readonly string[] };

/**
 * Moves an agent, with the commit, and answers where it stood; undefined when it is not there or revoked for good. QUARANTINED and REVOKED
 * are not left by connecting or disconnecting: those answers tell the state that stays.
 */
export function moveStanding(
  tx: Tx,
  agentId: string,
  move: { readonly from: LockedStanding | undefined; readonly to: MovedTo },
  told?: Told,
): Pick<LockedStanding, 'state' | 'stateSince'> | undefined {
  const { from, to } = move;
  if (from === undefined || from.state === 'REVOKED') return undefined;
  if (from.state === 'QUARANTINED' && to !== 'REVOKED') return to === 'ONLINE' ? undefined : from;
  const moved = tx
    .updateTable('agent_gateway.agent')
    .set({
      state: to,
      ...(from.state === to ? {} : { state_since: sql<Date>`now()`, revision: sql<string>`revision + 1` }),
      ...(told === undefined
        ? {}
        : { version: told.version.slice(0, 64), capabilities: [...told.capabilities].slice(0, 64) }),
      ...(to === 'ONLINE' || from.state === 'ONLINE' ? { last_seen_at: sql<Date>`now()` } : {}),
    })
    .where('id', '=', agentId);
  withCommit(tx, moved.execute());
  return from;
}

/** Locks the agent's row and moves it, as `moveStanding` does. */
export const setStanding = async (tx: Tx, agentId: string, to: MovedTo): Promise<ReturnType<typeof moveStanding>> =>
  moveStanding(tx, agentId, { from: await lockStanding(tx, agentId), to });

export const readAgent = (tx: Tx, agentId: string): Promise<AgentRow | undefined> =>
  tx.selectFrom('agent_gateway.agent').selectAll().where('id', '=', agentId).executeTakeFirst();

/** What decides whether an agent gets work: without its inventory, which may be large. */
export type AgentBrief = Pick<AgentRow, 'id' | 'state' | 'state_since' | 'version' | 'capabilities'>;

export const readAgentBriefs = (tx: Tx, agentIds: readonly string[]): Promise<AgentBrief[]> =>
  tx
    .selectFrom('agent_gateway.agent')
    .select(['id', 'state', 'state_since', 'version', 'capabilities'])
    .where('id', '=', sql<string>`any(${agentIds}::text[])`)
    .execute();

/** What an organization's agents can be ordered by. */
export const agentOrdering: Ordering = {
  tie: 'id',
  by: {
    name: { sql: 'name', type: 'text', unique: true },
    state: { sql: 'state', type: 'text' },
    version: { sql: 'version', type: 'text' },
  },
};

/** Agents that somebody may see; those that were revoked are left out. */
export async function listAgents(
  tx: Tx,
  wanted: { readonly name: string; readonly seen: ListView },
  page: OrderedPage,
): Promise<(AgentRow & OrderKey)[]> {
  let query = page.of(tx.selectFrom('agent_gateway.agent').selectAll()).where('state', '<>', 'REVOKED');
  const { everything, only, except } = wanted.seen;
  if (!everything) query = query.where('id', 'in', ['', ...only]);
  if (except.length > 0) query = query.where('id', 'not in', [...except]);
  if (wanted.name !== '') query = query.where('name', '=', wanted.name);
  return query.execute();
}

/** Names of the organization's agents that are not revoked, `most` at most, and how many there are. */
export async function agentsInUse(tx: Tx, most: number): Promise<{ readonly names: string[]; readonly count: number }> {
  const rows = await tx
    .selectFrom('agent_gateway.agent')
    .select(['name', sql<number>`(count(*) over ())::int`.as('count')])
    .where('state', '<>', 'REVOKED')
    .orderBy('name')
    .limit(most)
    .execute();
  return { names: rows.map((row) => row.name), count: rows[0]?.count ?? 0 };
}

/** How many of each agent's commands have not ended. */
export async function countOpenCommands(tx: Tx, agentIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .selectFrom('agent_gateway.command')
    .select(['agent_id', sql<number>`count(*)::int`.as('open')])
    .where('agent_id', '=', sql<string>`any(${agentIds}::text[])`)
    .where('state', 'in', ['QUEUED', 'DISPATCHED', 'ACCEPTED', 'RUNNING', 'UNKNOWN'])
    .groupBy('agent_id')
    .execute();
  return new Map(rows.map((row) => [row.agent_id, row.open]));
}

/** From now on secrets for the agent are to be sealed to that key. */
export const publishKey = (tx: Tx, agentId: string, publicKey: Buffer) =>
  tx
    .updateTable('agent_gateway.agent')
    .set({ sealing_public_key: publicKey, revision: sql<string>`revision + 1` })
    .where('id', '=', agentId)
    .execute();

/** Stores what the agent's site has. */
export const storeInventory = (tx: Tx, agentId: string, inventory: Buffer) =>
  tx
    .updateTable('agent_gateway.agent')
    .set({ inventory, revision: sql<string>`revision + 1` })
    .where('id', '=', agentId)
    .where('state', '<>', 'REVOKED')
    .execute();

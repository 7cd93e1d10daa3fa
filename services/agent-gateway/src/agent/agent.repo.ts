import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { ListView } from '@truffle/kit';
import type { Tx } from '../tables.ts';
import type { AgentStanding } from './agent.ts';
import type { AgentTable } from './agent.table.ts';

export type AgentRow = Selectable<AgentTable>;

/**
 * Moves an agent to `state` and answers where it stood; undefined when it is not there or revoked for good. QUARANTINED and REVOKED
 * are not left by connecting or disconnecting: those answers tell the state that stays.
 */
export async function setStanding(
  tx: Tx,
  agentId: string,
  state: Exclude<AgentStanding, 'ENROLLED'>,
  told?: { readonly version: string; readonly capabilities: readonly string[] },
): Promise<{ readonly state: AgentStanding; readonly stateSince: Date } | undefined> {
  const row = await tx
    .selectFrom('agent_gateway.agent')
    .select(['state', 'state_since'])
    .where('id', '=', agentId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined || row.state === 'REVOKED') return undefined;
  const before = { state: row.state, stateSince: row.state_since };
  if (row.state === 'QUARANTINED' && state !== 'REVOKED') return state === 'ONLINE' ? undefined : before;
  await tx
    .updateTable('agent_gateway.agent')
    .set({
      state,
      ...(row.state === state ? {} : { state_since: sql<Date>`now()`, revision: sql<string>`revision + 1` }),
      ...(told === undefined
        ? {}
        : { version: told.version.slice(0, 64), capabilities: [...told.capabilities].slice(0, 64) }),
      ...(state === 'ONLINE' || row.state === 'ONLINE' ? { last_seen_at: sql<Date>`now()` } : {}),
    })
    .where('id', '=', agentId)
    .execute();
  return before;
}

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

/** Agents that somebody may see by name, after `after`; those that were revoked are left out. */
export async function listAgents(
  tx: Tx,
  wanted: {
    readonly name: string;
    readonly seen: ListView;
    readonly after: string | undefined;
    readonly limit: number;
  },
): Promise<AgentRow[]> {
  let query = tx
    .selectFrom('agent_gateway.agent')
    .selectAll()
    .where('state', '<>', 'REVOKED')
    .orderBy('name')
    .limit(wanted.limit);
  const { everything, only, except } = wanted.seen;
  if (!everything) query = query.where('id', 'in', ['', ...only]);
  if (except.length > 0) query = query.where('id', 'not in', [...except]);
  if (wanted.name !== '') query = query.where('name', '=', wanted.name);
  if (wanted.after !== undefined) query = query.where('name', '>', wanted.after);
  return query.execute();
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

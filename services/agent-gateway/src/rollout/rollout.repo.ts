import { sql, type Selectable } from 'kysely';
import type { Tx } from '../tables.ts';
import type { AgentUpdateTable, RolloutTable } from './rollout.table.ts';
import type { RolloutState, Tries } from './rollout.ts';

export type RolloutRow = Selectable<RolloutTable>;
export type AgentUpdateRow = Selectable<AgentUpdateTable>;

/** Endings that are kept of one agent. */
const keptOfOne = 50;

export const findRollout = (tx: Tx): Promise<RolloutRow | undefined> =>
  tx.selectFrom('agent_gateway.rollout').selectAll().executeTakeFirst();

/** The rollout, its row locked: endings of several agents are counted one after the other. */
export const lockRollout = (tx: Tx): Promise<RolloutRow | undefined> =>
  tx.selectFrom('agent_gateway.rollout').selectAll().forUpdate().executeTakeFirst();

export function storeRollout(tx: Tx, row: Omit<RolloutRow, 'changed_at'>): Promise<RolloutRow> {
  const { org_id: _, ...change } = row;
  return tx
    .insertInto('agent_gateway.rollout')
    .values(row)
    .onConflict((conflict) => conflict.column('org_id').doUpdateSet({ ...change, changed_at: sql<Date>`now()` }))
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function moveRollout(tx: Tx, state: RolloutState, reason: string): Promise<void> {
  await tx
    .updateTable('agent_gateway.rollout')
    .set({ state, reason, revision: sql<string>`revision + 1`, changed_at: sql<Date>`now()` })
    .execute();
}

/** How often a version was tried since its rollout was set. */
export async function countTries(tx: Tx, version: string): Promise<Tries> {
  const rows = await tx
    .selectFrom('agent_gateway.agent_update')
    .select(['outcome', sql<number>`count(distinct agent_id)::int`.as('n')])
    .where('to_version', '=', version)
    .where('outcome', 'in', ['UPDATED', 'ROLLED_BACK'])
    .groupBy('outcome')
    .execute();
  const of = (outcome: string): number => rows.find((row) => row.outcome === outcome)?.n ?? 0;
  return { updated: of('UPDATED'), rolledBack: of('ROLLED_BACK') };
}

/** Stores how an update ended. @returns whether it was not stored yet */
export async function insertAgentUpdate(tx: Tx, row: Omit<AgentUpdateRow, 'told_at'>): Promise<boolean> {
  const stored = await tx
    .insertInto('agent_gateway.agent_update')
    .values(row)
    .onConflict((conflict) => conflict.columns(['org_id', 'agent_id', 'ended_at']).doNothing())
    .executeTakeFirst();
  if (stored.numInsertedOrUpdatedRows === 0n) return false;
  const kept = tx
    .selectFrom('agent_gateway.agent_update')
    .select('ended_at')
    .where('agent_id', '=', row.agent_id)
    .orderBy('ended_at', 'desc')
    .limit(keptOfOne);
  await tx
    .deleteFrom('agent_gateway.agent_update')
    .where('agent_id', '=', row.agent_id)
    .where('ended_at', 'not in', kept)
    .execute();
  return true;
}

/** Newest first. @param after where the page before ended */
export function listAgentUpdates(
  tx: Tx,
  after: { readonly toldAt: Date; readonly agentId: string } | undefined,
  limit: number,
): Promise<AgentUpdateRow[]> {
  return tx
    .selectFrom('agent_gateway.agent_update')
    .selectAll()
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(told_at, agent_id) < (${after?.toldAt}, ${after?.agentId})`),
    )
    .orderBy('told_at', 'desc')
    .orderBy('agent_id', 'desc')
    .limit(limit)
    .execute();
}

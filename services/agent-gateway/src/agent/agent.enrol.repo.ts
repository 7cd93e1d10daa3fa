import { sql } from 'kysely';
import type { Tx } from '../tables.ts';
import type { AgentTable } from './agent.table.ts';

/** The agent of that name that is not revoked. */
export const findByName = (tx: Tx, name: string) =>
  tx
    .selectFrom('agent_gateway.agent')
    .select(['id', 'state'])
    .where('name', '=', name)
    .where('state', '<>', 'REVOKED')
    .executeTakeFirst();

type Keys = Pick<
  AgentTable,
  'version' | 'sealing_public_key' | 'identity_public_key' | 'certificate_serial' | 'certificate_ends'
> & {
  /** Set when a person has to approve the agent. */
  readonly enrolment_words: string | null;
};

const stateOf = (keys: Keys) => (keys.enrolment_words === null ? 'ENROLLED' : 'PENDING_APPROVAL');

export async function enrolNew(
  tx: Tx,
  agent: Pick<AgentTable, 'org_id' | 'id' | 'name' | 'region'> & Keys,
): Promise<void> {
  await tx
    .insertInto('agent_gateway.agent')
    .values({ ...agent, state: stateOf(agent), last_seen_at: null, inventory: null })
    .execute();
  await tx
    .insertInto('agent_gateway.agent_session')
    .values({
      org_id: agent.org_id,
      agent_id: agent.id,
      session_id: null,
      gateway_id: null,
      incarnation: null,
      continuity: null,
      continuity_next: null,
    })
    .execute();
}

/** The agent gets new keys: its old certificate and continuity end, its sessions are fenced, a quarantine is over. */
export async function enrolAgain(tx: Tx, agentId: string, keys: Keys): Promise<void> {
  await tx
    .updateTable('agent_gateway.agent_session')
    .set({ epoch: sql<string>`epoch + 1`, open: false, continuity: null, continuity_next: null, denied: [] })
    .where('agent_id', '=', agentId)
    .execute();
  await tx.deleteFrom('agent_gateway.quarantine').where('agent_id', '=', agentId).execute();
  await tx
    .updateTable('agent_gateway.agent')
    .set({
      ...keys,
      next_serial: null,
      next_csr_sha256: null,
      next_certificate: null,
      next_ends: null,
      recoveries: [],
      recovery_refused_at: null,
      state: stateOf(keys),
      state_since: sql<Date>`now()`,
      revision: sql<string>`revision + 1`,
    })
    .where('id', '=', agentId)
    .execute();
}

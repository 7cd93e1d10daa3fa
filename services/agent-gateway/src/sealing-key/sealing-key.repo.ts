import type { Selectable } from 'kysely';
import type { Tx } from '../tables.ts';
import type { SealingKeyTable } from './sealing-key.table.ts';

export type SealingKeyRow = Selectable<SealingKeyTable>;

/** The agent's log, first to last. */
export const readLog = (tx: Tx, agentId: string): Promise<SealingKeyRow[]> =>
  tx.selectFrom('agent_gateway.sealing_key').selectAll().where('agent_id', '=', agentId).orderBy('n').execute();

export const readNewest = (tx: Tx, agentId: string): Promise<SealingKeyRow | undefined> =>
  tx
    .selectFrom('agent_gateway.sealing_key')
    .selectAll()
    .where('agent_id', '=', agentId)
    .orderBy('n', 'desc')
    .limit(1)
    .executeTakeFirst();

export const addEntry = (tx: Tx, entry: Omit<SealingKeyRow, 'created_at'>) =>
  tx.insertInto('agent_gateway.sealing_key').values(entry).execute();

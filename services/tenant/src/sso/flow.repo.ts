import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { SignInFlowTable } from './sso.table.ts';

export type FlowRow = Selectable<SignInFlowTable>;

export async function insertFlow(tx: Transaction<TenantTables>, row: Insertable<SignInFlowTable>): Promise<void> {
  await tx.insertInto('tenant.sign_in_flow').values(row).execute();
}

/** Uses up the flow that this browser began; of two at once, one gets it. */
export async function takeFlow(
  tx: Transaction<TenantTables>,
  stateSha256: Buffer,
  bindingSha256: Buffer,
  userId: string | null,
  now: Date,
): Promise<FlowRow | undefined> {
  return tx
    .deleteFrom('tenant.sign_in_flow')
    .where('state_sha256', '=', stateSha256)
    .where('binding_sha256', '=', bindingSha256)
    .where('user_id', userId === null ? 'is' : '=', userId)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst();
}

export async function deleteExpiredFlows(tx: Transaction<TenantTables>, now: Date): Promise<void> {
  await tx.deleteFrom('tenant.sign_in_flow').where('expires_at', '<=', now).execute();
}

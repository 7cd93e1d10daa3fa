import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { SessionTable } from './account.table.ts';
import { sessionIdleLifetime } from './session.ts';

export type SessionRow = Selectable<SessionTable>;

export async function insertSession(tx: Transaction<TenantTables>, row: Insertable<SessionTable>): Promise<void> {
  await tx.insertInto('tenant.session').values(row).execute();
}

/** The session with this digest that is good at `now`, with its person. */
export async function findGoodSession(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  now: Date,
): Promise<(SessionRow & { readonly user_name: string }) | undefined> {
  return tx
    .selectFrom('tenant.session')
    .innerJoin('tenant.user', 'tenant.user.id', 'tenant.session.user_id')
    .selectAll('tenant.session')
    .select('tenant.user.name as user_name')
    .where('secret_sha256', '=', sha256)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .where('last_seen_at', '>', new Date(now.getTime() - sessionIdleLifetime))
    .executeTakeFirst();
}

export async function touchSession(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx.updateTable('tenant.session').set({ last_seen_at: at }).where('id', '=', id).execute();
}

/** Ends one session; false when it had ended. */
export async function endSession(tx: Transaction<TenantTables>, id: string, at: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.session')
    .set({ ended_at: at })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Ends every session of a person but `keptId`. */
export async function endOtherSessions(
  tx: Transaction<TenantTables>,
  userId: string,
  keptId: string | undefined,
  at: Date,
): Promise<void> {
  let query = tx
    .updateTable('tenant.session')
    .set({ ended_at: at })
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null);
  if (keptId !== undefined) query = query.where('id', '<>', keptId);
  await query.execute();
}

import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { SessionTable } from './session.table.ts';
import { sessionIdleLifetime } from './session.ts';

export type SessionRow = Selectable<SessionTable>;

export async function insertSession(tx: Transaction<TenantTables>, row: Insertable<SessionTable>): Promise<void> {
  await tx.insertInto('tenant.session').values(row).execute();
}

/** The session with this digest that is good at `now`, with its person; by the token before its last proof it is as it was before. */
export async function findGoodSession(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  now: Date,
): Promise<(SessionRow & { readonly user_name: string }) | undefined> {
  const row = await tx
    .selectFrom('tenant.session')
    .innerJoin('tenant.user', 'tenant.user.id', 'tenant.session.user_id')
    .selectAll('tenant.session')
    .select('tenant.user.name as user_name')
    .where((eb) =>
      eb.or([
        eb('secret_sha256', '=', sha256),
        eb.and([eb('previous_sha256', '=', sha256), eb('previous_until', '>', now)]),
      ]),
    )
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .where('last_seen_at', '>', new Date(now.getTime() - sessionIdleLifetime))
    .executeTakeFirst();
  if (row === undefined || row.secret_sha256.equals(sha256)) return row;
  return {
    ...row,
    expires_at: row.previous_until ?? now,
    authenticated_at: row.previous_authenticated_at ?? row.created_at,
  };
}

export async function touchSession(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx.updateTable('tenant.session').set({ last_seen_at: at }).where('id', '=', id).execute();
}

/** What a session is for; undefined for none. */
export async function findSession(tx: Transaction<TenantTables>, id: string): Promise<SessionRow | undefined> {
  return tx.selectFrom('tenant.session').selectAll().where('id', '=', id).executeTakeFirst();
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

/** Ends every session of a person but `keptId`; returns how many ended. */
export async function endOtherSessions(
  tx: Transaction<TenantTables>,
  userId: string,
  keptId: string | undefined,
  at: Date,
): Promise<number> {
  let query = tx
    .updateTable('tenant.session')
    .set({ ended_at: at })
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null);
  if (keptId !== undefined) query = query.where('id', '<>', keptId);
  const { numUpdatedRows } = await query.executeTakeFirst();
  return Number(numUpdatedRows);
}

/** Ends one session of a person; false when it is not theirs or had ended. */
export async function endSessionOf(
  tx: Transaction<TenantTables>,
  userId: string,
  id: string,
  at: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.session')
    .set({ ended_at: at })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Whether the person has or had a session with this id. */
export async function isSessionOf(tx: Transaction<TenantTables>, userId: string, id: string): Promise<boolean> {
  const row = await tx
    .selectFrom('tenant.session')
    .select('id')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}

/** A session with the address of who acts as the person in it; null for the person's own. */
export type ListedSession = SessionRow & { readonly acted_by: string | null };

/** A person's good sessions, newest first: ids sort by the time of their making. */
export async function listSessions(
  tx: Transaction<TenantTables>,
  userId: string,
  now: Date,
  after: string | undefined,
  limit: number,
): Promise<ListedSession[]> {
  let query = tx
    .selectFrom('tenant.session')
    .leftJoin('tenant.user as u', 'u.id', 'tenant.session.acting_id')
    .selectAll('tenant.session')
    .select('u.email as acted_by')
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .where('last_seen_at', '>', new Date(now.getTime() - sessionIdleLifetime));
  if (after !== undefined) query = query.where('tenant.session.id', '<', after);
  return query.orderBy('tenant.session.id', 'desc').limit(limit).execute();
}

/** Gives a session another token for a proof; false when `presented` is its token no more. */
export async function renewSession(
  tx: Transaction<TenantTables>,
  id: string,
  token: { readonly presented: Buffer; readonly sha256: Buffer; readonly at: Date; readonly previousUntil: Date },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.session')
    .set((eb) => ({
      secret_sha256: token.sha256,
      previous_sha256: eb.ref('secret_sha256'),
      previous_until: token.previousUntil,
      previous_authenticated_at: eb.ref('authenticated_at'),
      authenticated_at: token.at,
    }))
    .where('id', '=', id)
    .where('secret_sha256', '=', token.presented)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** `known`: signed in from this address with this program since `since`. `first`: never signed in before. */
export async function deviceHistory(
  tx: Transaction<TenantTables>,
  userId: string,
  device: { readonly address: string; readonly userAgent: string },
  since: Date,
): Promise<'known' | 'first' | 'new'> {
  const earlier = tx
    .selectFrom('tenant.session')
    .select('id')
    .where('user_id', '=', userId)
    .where('acting_id', 'is', null)
    .limit(1);
  const same = earlier
    .where('address', '=', device.address)
    .where('user_agent', '=', device.userAgent)
    .where('created_at', '>', since);
  if ((await same.executeTakeFirst()) !== undefined) return 'known';
  return (await earlier.executeTakeFirst()) === undefined ? 'first' : 'new';
}

/** Deletes sessions that ended before `before` at the latest. */
export async function deleteOldSessions(tx: Transaction<TenantTables>, before: Date): Promise<void> {
  await tx.deleteFrom('tenant.session').where('expires_at', '<', before).execute();
}

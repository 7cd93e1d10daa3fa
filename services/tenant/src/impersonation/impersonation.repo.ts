import type { Transaction } from '@truffle/database';
import { sessionIdleLifetime } from '../session/session.ts';
import type { SessionRow } from '../session/session.repo.ts';
import type { TenantTables } from '../tables.ts';

/** A session in which somebody acts as a member of `orgId`; undefined for any other. */
export async function findActing(
  tx: Transaction<TenantTables>,
  orgId: string,
  id: string,
): Promise<SessionRow | undefined> {
  return tx
    .selectFrom('tenant.session')
    .selectAll()
    .where('id', '=', id)
    .where('confined_to', '=', orgId)
    .where('acting_id', 'is not', null)
    .executeTakeFirst();
}

/** Whether a person's own session is good at `now`, with their name. */
export async function findOwnGood(
  tx: Transaction<TenantTables>,
  userId: string,
  id: string,
  now: Date,
): Promise<(SessionRow & { readonly user_name: string }) | undefined> {
  return tx
    .selectFrom('tenant.session')
    .innerJoin('tenant.user', 'tenant.user.id', 'tenant.session.user_id')
    .selectAll('tenant.session')
    .select('tenant.user.name as user_name')
    .where('tenant.session.id', '=', id)
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .where('last_seen_at', '>', new Date(now.getTime() - sessionIdleLifetime))
    .executeTakeFirst();
}

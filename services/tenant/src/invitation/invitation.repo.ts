import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { BindingView } from '../binding/binding.repo.ts';
import type { TenantTables } from '../tables.ts';
import type { InvitationTable } from './invitation.table.ts';

export type InvitationRow = Selectable<InvitationTable>;

/** An invitation with what its custom role is made of now; both null for a built-in one, and where the role is gone. */
export type InvitationView = InvitationRow & Pick<BindingView, 'role_name' | 'role_permissions'>;

/** Whether it can still be accepted. */
export const isOpen = (row: InvitationRow, now: Date): boolean =>
  row.accepted_at === null && row.revoked_at === null && row.expires_at > now;

export async function insertInvitation(tx: Transaction<TenantTables>, row: Insertable<InvitationTable>): Promise<void> {
  await tx.insertInto('tenant.invitation').values(row).execute();
}

const view = (tx: Transaction<TenantTables>) =>
  tx
    .selectFrom('tenant.invitation as i')
    .leftJoin('tenant.role as r', (join) => join.onRef('r.org_id', '=', 'i.org_id').onRef('r.id', '=', 'i.role_id'))
    .selectAll('i')
    .select(['r.name as role_name', 'r.permissions as role_permissions']);

export async function findInvitation(tx: Transaction<TenantTables>, id: string): Promise<InvitationView | undefined> {
  return view(tx).where('i.id', '=', id).executeTakeFirst();
}

/** The one that was neither accepted nor revoked, also when its time is over. */
export async function findPending(
  tx: Transaction<TenantTables>,
  email: string,
  scopeId: string,
): Promise<InvitationView | undefined> {
  return view(tx)
    .where('i.email', '=', email)
    .where('i.scope_id', '=', scopeId)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
}

/** What invitations can be ordered by. Ids sort by the time of their making. */
export const invitationOrdering: Ordering = {
  tie: 'id',
  by: {
    created_at: { sql: 'id', type: 'text', unique: true },
    email: { sql: 'email', type: 'text' },
    expires_at: { sql: 'expires_at', type: 'timestamptz' },
  },
};

export const listInvitations = (
  tx: Transaction<TenantTables>,
  page: OrderedPage,
): Promise<(InvitationRow & OrderKey)[]> => page.of(tx.selectFrom('tenant.invitation').selectAll()).execute();

/** Ends a pending invitation; false when it was accepted or revoked. */
export async function endInvitation(tx: Transaction<TenantTables>, id: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.invitation')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Notes that an open invitation was accepted; false when it was not open any more. */
export async function setAccepted(tx: Transaction<TenantTables>, id: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.invitation')
    .set({ accepted_at: now })
    .where('id', '=', id)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

import type { Transaction } from '@truffle/database';
import { sql } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { UserRow } from './account.repo.ts';

type Tx = Transaction<TenantTables>;

/** Every organization that a person is anything in: by a role, a group or a link to a provider. For `svc_identity`. */
export async function organizationsOf(
  tx: Tx,
  userId: string,
): Promise<{ readonly id: string; readonly name: string }[]> {
  const subject = `user:${userId}`;
  const { rows } = await sql<{ id: string; name: string }>`
    select o.org_id as id, o.name from tenant.organization o where o.org_id in (
      select org_id from tenant.role_binding where subject = ${subject}
      union select org_id from tenant.group_member where subject = ${subject}
      union select org_id from tenant.linked_identity where user_id = ${userId}) order by o.org_id`.execute(tx);
  return rows;
}

/** Deletes a person's links to the organization's providers, and their address from invitations that are over. For `svc_tenant`. */
export async function forgetIn(tx: Tx, { id, email }: UserRow): Promise<void> {
  await tx.deleteFrom('tenant.linked_identity').where('user_id', '=', id).execute();
  await tx
    .updateTable('tenant.invitation')
    .set({ email: '' })
    .where('email', '=', email)
    .where((eb) => eb.or([eb('accepted_at', 'is not', null), eb('revoked_at', 'is not', null)]))
    .execute();
}

/** Deletes the account and all that hangs on it, mails to it included. For `svc_identity`. */
export async function deleteUser(tx: Tx, { id, email }: UserRow): Promise<void> {
  for (const table of [
    'tenant.session',
    'tenant.factor',
    'tenant.recovery_code',
    'tenant.challenge',
    'tenant.device_login',
    'tenant.sign_in_flow',
  ] as const)
    await tx.deleteFrom(table).where('user_id', '=', id).execute();
  await tx.deleteFrom('tenant.session').where('acting_id', '=', id).execute();
  for (const table of ['tenant.link', 'tenant.mail'] as const)
    await tx
      .deleteFrom(table)
      .where((eb) => eb.or([eb('subject', '=', id), eb('email', '=', email)]))
      .execute();
  await tx.deleteFrom('tenant.sign_up').where('email', '=', email).execute();
  await tx.deleteFrom('tenant.user').where('id', '=', id).execute();
}

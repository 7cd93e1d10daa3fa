import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { UserTable } from './account.table.ts';

export type UserRow = Selectable<UserTable>;

export async function insertUser(tx: Transaction<TenantTables>, row: Insertable<UserTable>): Promise<void> {
  await tx.insertInto('tenant.user').values(row).execute();
}

export async function findUser(tx: Transaction<TenantTables>, id: string): Promise<UserRow | undefined> {
  return tx.selectFrom('tenant.user').selectAll().where('id', '=', id).executeTakeFirst();
}

/** `email` in any case. */
export async function findUserByEmail(tx: Transaction<TenantTables>, email: string): Promise<UserRow | undefined> {
  return tx.selectFrom('tenant.user').selectAll().where('email', '=', email.toLowerCase()).executeTakeFirst();
}

export async function setPasswordHash(tx: Transaction<TenantTables>, id: string, hash: string): Promise<void> {
  await tx.updateTable('tenant.user').set({ password_hash: hash }).where('id', '=', id).execute();
}

export async function verifyEmail(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('tenant.user')
    .set({ email_verified_at: at })
    .where('id', '=', id)
    .where('email_verified_at', 'is', null)
    .execute();
}

/** Moves the account to an address that was just proven. A taken one fails as a unique violation. */
export async function setEmail(tx: Transaction<TenantTables>, id: string, email: string, at: Date): Promise<void> {
  await tx.updateTable('tenant.user').set({ email, email_verified_at: at }).where('id', '=', id).execute();
}

/** Whether anybody has an account here. */
export async function hasUsers(tx: Transaction<TenantTables>): Promise<boolean> {
  return (await tx.selectFrom('tenant.user').select('id').limit(1).executeTakeFirst()) !== undefined;
}

/** Addresses by subject (`user:usr_…`), for those of `subjects` that are people. */
export async function emailsOf(
  tx: Transaction<TenantTables>,
  subjects: readonly string[],
): Promise<Map<string, string>> {
  const ids = subjects.filter((s) => s.startsWith('user:')).map((s) => s.slice('user:'.length));
  const rows = await tx
    .selectFrom('tenant.user')
    .select(['id', 'email'])
    .where((eb) => eb('id', '=', eb.fn.any(eb.val(ids))))
    .execute();
  return new Map(rows.map((row) => [`user:${row.id}`, row.email]));
}

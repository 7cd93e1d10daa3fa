import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { SignUpTable } from './people.table.ts';

/** A sign-up as it waits; texts to it are in the language of a new account. */
export type SignUpRow = Selectable<SignUpTable> & { readonly locale: string };

const newLocale = 'en';

export async function insertSignUp(tx: Transaction<TenantTables>, row: Insertable<SignUpTable>): Promise<void> {
  await tx.insertInto('tenant.sign_up').values(row).execute();
}

/** The sign-up with this id that is still open at `now`. */
export async function findSignUp(tx: Transaction<TenantTables>, id: string, now: Date): Promise<SignUpRow | undefined> {
  const row = await tx
    .selectFrom('tenant.sign_up')
    .selectAll()
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row && { ...row, locale: newLocale };
}

/** The newest open sign-up of an address (in lower case). */
export async function findOpenSignUp(
  tx: Transaction<TenantTables>,
  email: string,
  now: Date,
): Promise<SignUpRow | undefined> {
  const row = await tx
    .selectFrom('tenant.sign_up')
    .selectAll()
    .where('email', '=', email)
    .where('expires_at', '>', now)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { ...row, locale: newLocale };
}

/** Deletes every sign-up of an address: it has an account now. */
export async function deleteSignUpsOf(tx: Transaction<TenantTables>, email: string): Promise<void> {
  await tx.deleteFrom('tenant.sign_up').where('email', '=', email).execute();
}

export async function deleteExpiredSignUps(tx: Transaction<TenantTables>, now: Date): Promise<void> {
  await tx.deleteFrom('tenant.sign_up').where('expires_at', '<=', now).execute();
}

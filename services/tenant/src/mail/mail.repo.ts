import type { Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { sql, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import { mailKeepMs, type NewMail } from './mail.ts';
import type { MailTable } from './mail.table.ts';

export type MailRow = Selectable<MailTable>;

/** Puts a mail into the outbox, in the transaction that makes it due. */
export async function postMail(tx: Transaction<TenantTables>, mail: NewMail, now: Date): Promise<void> {
  await tx
    .insertInto('tenant.mail')
    .values({
      id: newId('mai'),
      kind: mail.kind,
      email: mail.email.toLowerCase(),
      subject: mail.subject,
      parameters: JSON.stringify(mail.parameters ?? {}),
      created_at: now,
      next_at: now,
      ended_at: null,
      outcome: null,
    })
    .execute();
}

/** Takes mails that are due, each for `leaseMs`: nobody else takes them until then. */
export async function takeMails(
  tx: Transaction<TenantTables>,
  now: Date,
  leaseMs: number,
  most: number,
): Promise<MailRow[]> {
  const { rows } = await sql<MailRow>`
    update tenant.mail set attempts = attempts + 1, next_at = ${new Date(now.getTime() + leaseMs)}
    where id in (
      select id from tenant.mail where ended_at is null and next_at <= ${now} order by next_at limit ${most} for update skip locked
    ) returning *`.execute(tx);
  return rows;
}

/** Keeps the token of a mail's link for when it is sent again; false when it has one. */
export async function keepToken(tx: Transaction<TenantTables>, id: string, sealed: Buffer): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.mail')
    .set({ sealed_token: sealed })
    .where('id', '=', id)
    .where('sealed_token', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** The token of a mail's link; null for none. */
export async function findToken(tx: Transaction<TenantTables>, id: string): Promise<Buffer | null> {
  const row = await tx.selectFrom('tenant.mail').select('sealed_token').where('id', '=', id).executeTakeFirst();
  return row?.sealed_token ?? null;
}

/** Lets a mail be tried again at `at`. */
export async function retryMail(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx.updateTable('tenant.mail').set({ next_at: at }).where('id', '=', id).where('ended_at', 'is', null).execute();
}

/** `outcome`: `sent`, `dropped`, or why it was given up. */
export async function endMail(tx: Transaction<TenantTables>, id: string, outcome: string, now: Date): Promise<void> {
  await tx
    .updateTable('tenant.mail')
    .set({ ended_at: now, outcome, sealed_token: null })
    .where('id', '=', id)
    .execute();
}

export async function deleteOldMails(tx: Transaction<TenantTables>, now: Date): Promise<void> {
  await tx
    .deleteFrom('tenant.mail')
    .where('ended_at', '<', new Date(now.getTime() - mailKeepMs))
    .execute();
}

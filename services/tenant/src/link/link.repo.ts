import type { Transaction } from '@truffle/database';
import type { Selectable } from 'kysely';
import { readCredential } from '../credential/credential.ts';
import type { TenantTables } from '../tables.ts';
import { LinkProblem, linkLifetimes, type LinkKind } from './link.ts';
import type { LinkTable } from './link.table.ts';

export type LinkRow = Selectable<LinkTable>;

export interface WantedLink {
  readonly mailId: string;
  readonly kind: LinkKind;
  readonly subject: string;
  readonly email: string;
}

/** Keeps the digest of a mail's link. One that an earlier release made for this mail gives way. */
export async function insertLink(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  wanted: WantedLink,
  now: Date,
): Promise<void> {
  await tx.deleteFrom('tenant.link').where('mail_id', '=', wanted.mailId).execute();
  await tx
    .insertInto('tenant.link')
    .values({
      sha256,
      kind: wanted.kind,
      subject: wanted.subject,
      email: wanted.email,
      mail_id: wanted.mailId,
      created_at: now,
      expires_at: new Date(now.getTime() + linkLifetimes[wanted.kind]),
    })
    .execute();
}

/** The link of `token`, which stays good. @throws LinkProblem */
export async function findLink(
  tx: Transaction<TenantTables>,
  kind: LinkKind,
  token: string,
  now: Date,
): Promise<LinkRow> {
  const row = await tx
    .selectFrom('tenant.link')
    .selectAll()
    .where('sha256', '=', digestOf(token))
    .where('kind', '=', kind)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  if (row === undefined) throw new LinkProblem();
  return row;
}

/** Uses the link of `token` up; of two at once, one gets it. @throws LinkProblem */
export async function takeLink(
  tx: Transaction<TenantTables>,
  kind: LinkKind,
  token: string,
  now: Date,
): Promise<LinkRow> {
  const row = await tx
    .deleteFrom('tenant.link')
    .where('sha256', '=', digestOf(token))
    .where('kind', '=', kind)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new LinkProblem();
  return row;
}

/** Ends the links of a kind (all but invitations' and those that undo, when none is named) that are for `subject`. */
export async function endLinks(tx: Transaction<TenantTables>, subject: string, kind?: LinkKind): Promise<void> {
  await tx
    .deleteFrom('tenant.link')
    .where('subject', '=', subject)
    .where('kind', kind === undefined ? '<>' : '=', kind ?? 'address_keep')
    .execute();
}

export async function deleteExpiredLinks(tx: Transaction<TenantTables>, now: Date): Promise<void> {
  await tx.deleteFrom('tenant.link').where('expires_at', '<=', now).execute();
}

function digestOf(token: string): Buffer {
  const read = readCredential(token);
  if (read?.kind !== 'tft') throw new LinkProblem();
  return read.sha256;
}

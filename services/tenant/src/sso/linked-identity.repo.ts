import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { LinkedIdentityTable } from './sso.table.ts';

export type LinkedIdentityRow = Selectable<LinkedIdentityTable>;

/** Links unless the provider's person is linked in the organization; whether it did. */
export async function insertIdentity(
  tx: Transaction<TenantTables>,
  row: Insertable<LinkedIdentityTable>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('tenant.linked_identity')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}

/** By connection: what another one of the same issuer linked is another link. */
export async function findIdentity(
  tx: Transaction<TenantTables>,
  connectionId: string,
  issuer: string,
  subject: string,
): Promise<LinkedIdentityRow | undefined> {
  return tx
    .selectFrom('tenant.linked_identity')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .executeTakeFirst();
}

export async function findIdentityOf(
  tx: Transaction<TenantTables>,
  userId: string,
  id: string,
): Promise<LinkedIdentityRow | undefined> {
  return tx
    .selectFrom('tenant.linked_identity')
    .selectAll()
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst();
}

export async function touchIdentity(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx.updateTable('tenant.linked_identity').set({ last_used_at: at }).where('id', '=', id).execute();
}

export async function deleteIdentity(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.linked_identity').where('id', '=', id).execute();
}

/** A person's links, newest first. */
export async function listIdentities(
  tx: Transaction<TenantTables>,
  userId: string,
  before: string | undefined,
  limit: number,
): Promise<LinkedIdentityRow[]> {
  let query = tx.selectFrom('tenant.linked_identity').selectAll().where('user_id', '=', userId);
  if (before !== undefined) query = query.where('id', '<', before);
  return query.orderBy('id', 'desc').limit(limit).execute();
}

/** Whether a session's link and connection still open sessions: neither taken away nor switched off. */
export async function isLinkOpen(
  tx: Transaction<TenantTables>,
  connectionId: string,
  identityId: string,
): Promise<boolean> {
  const row = await tx
    .selectFrom('tenant.linked_identity')
    .innerJoin('tenant.connection', 'tenant.connection.id', 'tenant.linked_identity.connection_id')
    .select('tenant.linked_identity.id')
    .where('tenant.linked_identity.id', '=', identityId)
    .where('tenant.connection.id', '=', connectionId)
    .where('tenant.connection.enabled', '=', true)
    .executeTakeFirst();
  return row !== undefined;
}

import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { ApiKeyTable } from './api-key.table.ts';

export type ApiKeyRow = Selectable<ApiKeyTable>;

export async function insertKey(tx: Transaction<TenantTables>, row: Insertable<ApiKeyTable>): Promise<void> {
  await tx.insertInto('tenant.api_key').values(row).execute();
}

export async function findKey(tx: Transaction<TenantTables>, id: string): Promise<ApiKeyRow | undefined> {
  return tx.selectFrom('tenant.api_key').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Newest first: ids sort by the time of their making. */
export async function listKeys(
  tx: Transaction<TenantTables>,
  before: string | undefined,
  limit: number,
): Promise<ApiKeyRow[]> {
  let query = tx.selectFrom('tenant.api_key').selectAll();
  if (before !== undefined) query = query.where('id', '<', before);
  return query.orderBy('id', 'desc').limit(limit).execute();
}

/** Ends a key that was good; returns it, or undefined when there was nothing to end. */
export async function revokeKey(tx: Transaction<TenantTables>, id: string, at: Date): Promise<ApiKeyRow | undefined> {
  return tx
    .updateTable('tenant.api_key')
    .set({ revoked_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/** Ends every key at a place; returns what they held in the quota. */
export async function revokeKeysAt(tx: Transaction<TenantTables>, scopeId: string, at: Date): Promise<string[]> {
  const rows = await tx
    .updateTable('tenant.api_key')
    .set({ revoked_at: at })
    .where('scope_id', '=', scopeId)
    .where('revoked_at', 'is', null)
    .returning('quota_holder')
    .execute();
  return rows.map((row) => row.quota_holder);
}

/** The key with this digest that is good now, in any organization that is there. For `svc_identity`. */
export async function findGoodKey(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  now: Date,
): Promise<ApiKeyRow | undefined> {
  return tx
    .selectFrom('tenant.api_key')
    .innerJoin('tenant.organization', 'tenant.organization.org_id', 'tenant.api_key.org_id')
    .selectAll('tenant.api_key')
    .where('secret_sha256', '=', sha256)
    .where('revoked_at', 'is', null)
    .where('tenant.organization.deleted_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .executeTakeFirst();
}

/** For `svc_identity`. */
export async function touchKey(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx.updateTable('tenant.api_key').set({ last_used_at: at }).where('id', '=', id).execute();
}

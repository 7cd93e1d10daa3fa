import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
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

/** As `findKey`, held to the end of the transaction. */
export async function lockKey(tx: Transaction<TenantTables>, id: string): Promise<ApiKeyRow | undefined> {
  return tx.selectFrom('tenant.api_key').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export type KeySecrets = Pick<
  ApiKeyRow,
  'hint' | 'secret_sha256' | 'previous_hint' | 'previous_sha256' | 'previous_until'
>;

export async function setSecrets(tx: Transaction<TenantTables>, id: string, secrets: KeySecrets): Promise<void> {
  await tx.updateTable('tenant.api_key').set(secrets).where('id', '=', id).execute();
}

/** What keys can be ordered by. Ids sort by the time of their making; what was never used comes first, what does not expire last. */
export const keyOrdering: Ordering = {
  tie: 'id',
  by: {
    created_at: { sql: 'id', type: 'text', unique: true },
    name: { sql: 'name', type: 'text' },
    last_used_at: { sql: `coalesce(last_used_at, '-infinity'::timestamptz)`, type: 'timestamptz' },
    expires_at: { sql: `coalesce(expires_at, 'infinity'::timestamptz)`, type: 'timestamptz' },
  },
};

/** @param serviceAccountId only keys of this one; empty for all */
export async function listKeys(
  tx: Transaction<TenantTables>,
  serviceAccountId: string,
  page: OrderedPage,
): Promise<(ApiKeyRow & OrderKey)[]> {
  let query = page.of(tx.selectFrom('tenant.api_key').selectAll());
  if (serviceAccountId !== '') query = query.where('service_account_id', '=', serviceAccountId);
  return query.execute();
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

/** Ends every key of a service account; returns what they held in the quota. */
export async function revokeKeysOf(
  tx: Transaction<TenantTables>,
  serviceAccountId: string,
  at: Date,
): Promise<string[]> {
  const rows = await tx
    .updateTable('tenant.api_key')
    .set({ revoked_at: at })
    .where('service_account_id', '=', serviceAccountId)
    .where('revoked_at', 'is', null)
    .returning('quota_holder')
    .execute();
  return rows.map((row) => row.quota_holder);
}

/** A key with the name of its service account; null for a key with a role of its own. */
export type GoodKey = ApiKeyRow & { readonly service_account_name: string | null };

/**
 * The key with this digest, or with it before its rotation, that is good now: in any organization that is there, of no disabled service
 * account. For `svc_identity`.
 */
export async function findGoodKey(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  now: Date,
): Promise<GoodKey | undefined> {
  return tx
    .selectFrom('tenant.api_key as k')
    .innerJoin('tenant.organization as o', 'o.org_id', 'k.org_id')
    .leftJoin('tenant.service_account as s', (join) =>
      join.onRef('s.org_id', '=', 'k.org_id').onRef('s.id', '=', 'k.service_account_id'),
    )
    .selectAll('k')
    .select('s.name as service_account_name')
    .where((eb) =>
      eb.or([
        eb('k.secret_sha256', '=', sha256),
        eb.and([eb('k.previous_sha256', '=', sha256), eb('k.previous_until', '>', now)]),
      ]),
    )
    .where('k.revoked_at', 'is', null)
    .where('o.deleted_at', 'is', null)
    .where((eb) => eb.or([eb('k.service_account_id', 'is', null), eb('s.disabled', '=', false)]))
    .where((eb) => eb.or([eb('k.expires_at', 'is', null), eb('k.expires_at', '>', now)]))
    .executeTakeFirst();
}

/** For `svc_identity`. */
export async function touchKey(tx: Transaction<TenantTables>, id: string, at: Date, address: string): Promise<void> {
  await tx
    .updateTable('tenant.api_key')
    .set({ last_used_at: at, last_used_address: address || null })
    .where('id', '=', id)
    .execute();
}

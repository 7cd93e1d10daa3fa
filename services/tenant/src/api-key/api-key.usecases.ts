import { Role } from '@truffle/api/tenant/v1/account';
import { appendEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  authorOf,
  bells,
  InvalidProblem,
  NotFoundProblem,
  permissionsOfRole,
  PreconditionProblem,
  type Caller,
} from '@truffle/kit';
import { demandVerified } from '../account/person.usecases.ts';
import { demandHolds, placeOf } from '../binding/binding.ts';
import { newCredential } from '../credential/credential.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import { readPermissions } from '../role/role.usecases.ts';
import { demandAllOf, lockServiceAccount } from '../service-account/service-account.usecases.ts';
import type { TenantTables } from '../tables.ts';
import { findKey, insertKey, lockKey, revokeKey, setSecrets, type ApiKeyRow } from './api-key.repo.ts';

export interface NewKey {
  readonly scopeId: string;
  readonly name: string;
  /** UNSPECIFIED for a service account's key. */
  readonly role: Role;
  readonly expiresAt: Date | null;
  /** Empty for a key with a role of its own. */
  readonly serviceAccountId: string;
  /** What a service account's key is narrowed to; empty for all. */
  readonly permissions: readonly string[];
  readonly scopeIds: readonly string[];
}

/** A key and its secret, which is nowhere else. */
export interface MadeKey {
  readonly row: ApiKeyRow;
  readonly secret: string;
}

/** Makes a key. @throws InvalidProblem, NotFoundProblem, PermissionProblem for more than its maker has */
export async function createKey(parts: TenantParts, caller: Caller, wanted: NewKey): Promise<MadeKey> {
  const now = parts.now();
  demandSense(caller, wanted, now);
  const place = placeOf(caller, wanted.scopeId);
  demandHolds(caller, place, permissionsOfRole(wanted.role), now.getTime(), wanted.expiresAt?.getTime());
  await demandVerified(parts, caller);
  const permissions = readPermissions(wanted.permissions);
  await demandPlaces(parts, caller, wanted.scopeIds);
  const { secret, sha256, hint } = newCredential('tfk');
  const row: ApiKeyRow = {
    ...place,
    org_id: caller.orgId,
    id: newId('key'),
    name: wanted.name,
    role: wanted.role,
    service_account_id: wanted.serviceAccountId || null,
    permissions,
    scope_ids: [...new Set(wanted.scopeIds)],
    hint,
    secret_sha256: sha256,
    made_by: caller.subject,
    quota_holder: caller.quotaHolder,
    created_at: now,
    expires_at: wanted.expiresAt,
    last_used_at: null,
    last_used_address: null,
    revoked_at: null,
    previous_hint: null,
    previous_sha256: null,
    previous_until: null,
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    if (row.service_account_id !== null) {
      await lockServiceAccount(tx, caller, row.service_account_id, 0n);
      await demandAllOf(parts, tx, caller, row.service_account_id);
    }
    await insertKey(tx, row);
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'api_key.created', data: { after: told(row) } });
  });
  return { row, secret };
}

/**
 * Gives a key a new secret; the one in force stays good for `overlapMs`, one that was before it ends at once.
 * @throws NotFoundProblem, PreconditionProblem for a key that has ended, PermissionProblem for one that may more than the caller
 */
export async function rotateKey(parts: TenantParts, caller: Caller, id: string, overlapMs: number): Promise<MadeKey> {
  const now = parts.now();
  const { secret, sha256, hint } = newCredential('tfk');
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const before = await lockKey(tx, id);
    if (before === undefined) throw new NotFoundProblem('API key', id);
    if (before.revoked_at !== null || (before.expires_at !== null && before.expires_at <= now))
      throw new PreconditionProblem('KEY_ENDED', `key ${before.name} has ended; make another one`, { id });
    await demandKey(parts, tx, caller, before);
    const kept = overlapMs > 0;
    const secrets = {
      hint,
      secret_sha256: sha256,
      previous_hint: kept ? before.hint : null,
      previous_sha256: kept ? before.secret_sha256 : null,
      previous_until: kept ? new Date(now.getTime() + overlapMs) : null,
    };
    await setSecrets(tx, id, secrets);
    const data = {
      before: { hint: before.hint },
      after: { hint, previousUntil: secrets.previous_until?.toISOString() ?? null },
    };
    await appendEvent(tx, authorOf(caller), { ...eventOf(before), name: 'api_key.rotated', data });
    return { ...before, ...secrets };
  });
  parts.bell.ring(bells.identity);
  return { row, secret };
}

/** Ends a key at once; one that has ended stays so. @throws NotFoundProblem */
export async function endKey(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await revokeKey(tx, id, parts.now());
    if (row !== undefined)
      await appendEvent(tx, authorOf(caller), {
        ...eventOf(row),
        name: 'api_key.revoked',
        data: { before: { name: row.name, hint: row.hint } },
      });
    else if ((await findKey(tx, id)) === undefined) throw new NotFoundProblem('API key', id);
    return row;
  });
  if (row === undefined) return;
  parts.bell.ring(bells.identity);
  await releaseQuota(parts, caller, 'api_keys', row.quota_holder);
}

/** Who gets a key's new secret can do all that the key can. */
async function demandKey(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  caller: Caller,
  row: ApiKeyRow,
): Promise<void> {
  if (row.service_account_id !== null) await demandAllOf(parts, tx, caller, row.service_account_id);
  else demandHolds(caller, row, permissionsOfRole(row.role), parts.now().getTime(), row.expires_at?.getTime());
}

function demandSense(caller: Caller, wanted: NewKey, now: Date): void {
  const { role, serviceAccountId, permissions, scopeIds, scopeId, expiresAt } = wanted;
  const wrong = (field: string, description: string, reason: string): never => {
    throw new InvalidProblem([{ field, description, reason }]);
  };
  if ((role === Role.UNSPECIFIED) === (serviceAccountId === ''))
    wrong('role', 'say either role or service_account_id', 'ONE_OF_ROLE_AND_SERVICE_ACCOUNT');
  if (serviceAccountId === '' && permissions.length + scopeIds.length > 0)
    wrong('permissions', "only a service account's key is narrowed; give the key a lower role", 'NOT_NARROWED');
  if (serviceAccountId !== '' && scopeId !== caller.orgId)
    wrong('scope_id', "must be the service account's organization; scope_ids narrow the key", 'NOT_THE_ORGANIZATION');
  if (expiresAt !== null && expiresAt <= now) wrong('expires_at', 'must be in the future', 'IN_THE_PAST');
}

/** @throws NotFoundProblem for a place that is not in the caller's organization */
async function demandPlaces(parts: TenantParts, caller: Caller, ids: readonly string[]): Promise<void> {
  for (const id of ids)
    if ((await parts.places.locate(caller, id))?.orgId !== caller.orgId) throw new NotFoundProblem('place', id);
}

const told = (row: ApiKeyRow) => ({
  name: row.name,
  scopeId: row.scope_id,
  hint: row.hint,
  ...(row.service_account_id === null
    ? { role: Role[row.role] }
    : { serviceAccountId: row.service_account_id, permissions: row.permissions, scopeIds: row.scope_ids }),
});

const eventOf = (row: ApiKeyRow): { orgId: string; resourceId: string; projectId: string | undefined } => ({
  orgId: row.org_id,
  resourceId: row.id,
  projectId: row.project_id ?? undefined,
});

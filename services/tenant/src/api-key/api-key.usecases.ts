import { Role } from '@truffle/api/tenant/v1/account';
import { appendEvent } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, bells, InvalidProblem, NotFoundProblem, type Caller } from '@truffle/kit';
import { demandVerified } from '../account/person.usecases.ts';
import { demandRole, placeOf } from '../binding/binding.ts';
import { newCredential } from '../credential/credential.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import { findKey, insertKey, revokeKey, type ApiKeyRow } from './api-key.repo.ts';

export interface NewKey {
  readonly scopeId: string;
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: Date | null;
}

/** Makes a key; its secret is in the answer and nowhere else. @throws PermissionProblem for a role above the maker's */
export async function createKey(
  parts: TenantParts,
  caller: Caller,
  wanted: NewKey,
): Promise<{ readonly row: ApiKeyRow; readonly secret: string }> {
  const place = placeOf(caller, wanted.scopeId);
  demandRole(caller, place, wanted.role);
  await demandVerified(parts, caller);
  const now = parts.now();
  if (wanted.expiresAt !== null && wanted.expiresAt <= now)
    throw new InvalidProblem([{ field: 'expires_at', description: 'must be in the future', reason: 'IN_THE_PAST' }]);
  const { secret, sha256, hint } = newCredential('tfk');
  const row: ApiKeyRow = {
    ...place,
    org_id: caller.orgId,
    id: newId('key'),
    name: wanted.name,
    role: wanted.role,
    hint,
    secret_sha256: sha256,
    made_by: caller.subject,
    quota_holder: caller.quotaHolder,
    created_at: now,
    expires_at: wanted.expiresAt,
    last_used_at: null,
    revoked_at: null,
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    await insertKey(tx, row);
    await appendEvent(tx, authorOf(caller), {
      ...eventOf(row),
      name: 'api_key.created',
      data: { after: { name: row.name, scopeId: row.scope_id, role: Role[row.role], hint } },
    });
  });
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

const eventOf = (row: ApiKeyRow): { orgId: string; resourceId: string; projectId: string | undefined } => ({
  orgId: row.org_id,
  resourceId: row.id,
  projectId: row.project_id ?? undefined,
});

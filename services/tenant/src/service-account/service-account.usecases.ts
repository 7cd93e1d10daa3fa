import { appendEvent, databaseErrorCode, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  bells,
  NotFoundProblem,
  StaleRevisionProblem,
  type Caller,
} from '@truffle/kit';
import { revokeKeysOf } from '../api-key/api-key.repo.ts';
import { demandHolds, permissionsOf } from '../binding/binding.ts';
import { bindingsOfSubject, deleteBindingsOf } from '../binding/binding.repo.ts';
import { removeFromGroups } from '../group/group.repo.ts';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import type { TenantTables } from '../tables.ts';
import {
  changeServiceAccount,
  deleteServiceAccount,
  findServiceAccount,
  insertServiceAccount,
  type ServiceAccountRow,
} from './service-account.repo.ts';

/** @throws AlreadyExistsProblem */
export async function makeServiceAccount(
  parts: TenantParts,
  caller: Caller,
  wanted: Pick<ServiceAccountRow, 'name' | 'description'>,
): Promise<ServiceAccountRow> {
  const row: ServiceAccountRow = {
    ...wanted,
    org_id: caller.orgId,
    id: newId('sva'),
    disabled: false,
    revision: '1',
    created_at: parts.now(),
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    try {
      await insertServiceAccount(tx, row);
    } catch (error) {
      throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('service account', row.name) : error;
    }
    const data = { after: { name: row.name } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'service_account.created', data });
  });
  return row;
}

/** Describes, disables or enables. Who enables must have all that the account has. @throws NotFoundProblem, StaleRevisionProblem, PermissionProblem */
export async function alterServiceAccount(
  parts: TenantParts,
  caller: Caller,
  wanted: { readonly id: string; readonly description: string; readonly disabled: boolean; readonly revision: bigint },
): Promise<ServiceAccountRow> {
  const { id, description, disabled } = wanted;
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const before = await lockServiceAccount(tx, caller, id, wanted.revision);
    if (before.disabled && !disabled) await demandAllOf(parts, tx, caller, id);
    await changeServiceAccount(tx, id, { description, disabled });
    const data = { before: { disabled: before.disabled }, after: { disabled } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(before), name: 'service_account.updated', data });
    return { ...before, description, disabled, revision: String(BigInt(before.revision) + 1n) };
  });
  parts.bell.ring(bells.identity);
  return row;
}

/** Deletes a service account with its keys, roles and places in groups. @throws NotFoundProblem, StaleRevisionProblem */
export async function dropServiceAccount(
  parts: TenantParts,
  caller: Caller,
  id: string,
  revision: bigint,
): Promise<void> {
  const gone = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await lockServiceAccount(tx, caller, id, revision);
    const keys = await revokeKeysOf(tx, id, parts.now());
    const bindings = await deleteBindingsOf(tx, subjectOf(id));
    await removeFromGroups(tx, subjectOf(id));
    await deleteServiceAccount(tx, id);
    const data = { before: { name: row.name, keys: keys.length, bindings: bindings.length } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'service_account.deleted', data });
    return { keys, bindings };
  });
  parts.bell.ring(bells.identity);
  for (const holder of gone.bindings) await releaseQuota(parts, caller, 'members', holder);
  for (const holder of gone.keys) await releaseQuota(parts, caller, 'api_keys', holder);
}

/** Who makes, renews or wakes a service account's key must have all that the account has. @throws PermissionProblem */
export async function demandAllOf(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  caller: Caller,
  id: string,
): Promise<void> {
  const now = parts.now();
  for (const row of await bindingsOfSubject(tx, subjectOf(id)))
    if (row.expires_at === null || row.expires_at > now)
      demandHolds(caller, row, permissionsOf(row), now.getTime(), row.expires_at?.getTime());
}

/** Roles and keys are given under the same lock. */
export async function lockServiceAccount(
  tx: Transaction<TenantTables>,
  caller: Caller,
  id: string,
  revision: bigint,
): Promise<ServiceAccountRow> {
  await lockOrganization(tx, caller.orgId);
  const row = await findServiceAccount(tx, id);
  if (row === undefined) throw new NotFoundProblem('service account', id);
  if (revision !== 0n && revision !== BigInt(row.revision))
    throw new StaleRevisionProblem('service account', id, revision, BigInt(row.revision));
  return row;
}

const subjectOf = (id: string): string => `service_account:${id}`;

const eventOf = (row: ServiceAccountRow): { orgId: string; resourceId: string } => ({
  orgId: row.org_id,
  resourceId: row.id,
});

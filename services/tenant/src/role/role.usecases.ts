import { appendEvent, databaseErrorCode, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  bells,
  InvalidProblem,
  knownPermissions,
  NotFoundProblem,
  PreconditionProblem,
  StaleRevisionProblem,
  type Caller,
} from '@truffle/kit';
import { demandHolds } from '../binding/binding.ts';
import { demandOwnerLeft } from '../binding/binding.usecases.ts';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { changeRole, countBindingsOfRole, deleteRole, findRole, insertRole, type RoleRow } from './role.repo.ts';

/** @throws InvalidProblem for an unknown permission, PermissionProblem for one that the maker has not, AlreadyExistsProblem */
export async function makeRole(
  parts: TenantParts,
  caller: Caller,
  wanted: Pick<RoleRow, 'name' | 'description' | 'permissions'>,
): Promise<RoleRow> {
  const permissions = readPermissions(wanted.permissions);
  demandHolds(caller, wholeOrganization(caller), permissions, parts.now().getTime());
  const row: RoleRow = {
    ...wanted,
    permissions,
    org_id: caller.orgId,
    id: newId('rol'),
    revision: '1',
    created_at: parts.now(),
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    try {
      await insertRole(tx, row);
    } catch (error) {
      throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('role', wanted.name) : error;
    }
    const data = { after: { name: row.name, permissions } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'role.created', data });
  });
  return row;
}

/**
 * Changes what a role is made of, everywhere it is bound: who changes it must have, in the whole organization, all that it was and will be.
 * @throws InvalidProblem, PermissionProblem, StaleRevisionProblem, LastOwnerProblem where it is denied to the last owner
 */
export async function alterRole(
  parts: TenantParts,
  caller: Caller,
  wanted: {
    readonly id: string;
    readonly description: string;
    readonly permissions: string[];
    readonly revision: bigint;
  },
): Promise<RoleRow> {
  const permissions = readPermissions(wanted.permissions);
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const before = await lockRole(tx, caller, wanted.id, wanted.revision);
    const both = new Set([...before.permissions, ...permissions]);
    demandHolds(caller, wholeOrganization(caller), both, parts.now().getTime());
    await changeRole(tx, wanted.id, { description: wanted.description, permissions });
    await demandOwnerLeft(tx, caller.orgId);
    const data = { before: { permissions: before.permissions }, after: { permissions } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(before), name: 'role.updated', data });
    return { ...before, description: wanted.description, permissions, revision: String(BigInt(before.revision) + 1n) };
  });
  parts.bell.ring(bells.identity);
  return row;
}

/** @throws NotFoundProblem, StaleRevisionProblem, PreconditionProblem while bindings name it */
export async function dropRole(parts: TenantParts, caller: Caller, id: string, revision: bigint): Promise<void> {
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await lockRole(tx, caller, id, revision);
    const bindings = await countBindingsOfRole(tx, id);
    if (bindings > 0)
      throw new PreconditionProblem(
        'ROLE_IN_USE',
        `role ${row.name} is in ${bindings} binding(s); take them away first: see who has it with ListBindings`,
        { id, bindings: String(bindings) },
      );
    await deleteRole(tx, id);
    const data = { before: { name: row.name, permissions: row.permissions } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'role.deleted', data });
  });
}

/** Sorted, each once. @throws InvalidProblem for what no method asks for */
export function readPermissions(given: readonly string[], field = 'permissions'): string[] {
  const unknown = given.findIndex((permission) => !knownPermissions().has(permission));
  if (unknown >= 0)
    throw new InvalidProblem([
      {
        field: `${field}[${unknown}]`,
        description: `there is no permission ${JSON.stringify(given[unknown])}; ListPermissions names all`,
        reason: 'UNKNOWN_PERMISSION',
      },
    ]);
  return [...new Set(given)].toSorted();
}

/** Who gives the role to somebody meanwhile waits: bindings are made under the same lock. */
async function lockRole(tx: Transaction<TenantTables>, caller: Caller, id: string, revision: bigint): Promise<RoleRow> {
  await lockOrganization(tx, caller.orgId);
  const row = await findRole(tx, id);
  if (row === undefined) throw new NotFoundProblem('role', id);
  if (revision !== 0n && revision !== BigInt(row.revision))
    throw new StaleRevisionProblem('role', id, revision, BigInt(row.revision));
  return row;
}

const wholeOrganization = ({ orgId }: Caller) => ({ scope_id: orgId, workspace_id: null, project_id: null });

const eventOf = (row: RoleRow): { orgId: string; resourceId: string } => ({ orgId: row.org_id, resourceId: row.id });

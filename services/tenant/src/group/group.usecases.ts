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
import { demandHolds, permissionsOf } from '../binding/binding.ts';
import { bindingsOf, deleteBindingsOf } from '../binding/binding.repo.ts';
import { demandOwnerLeft } from '../binding/binding.usecases.ts';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import { findMember, type SubjectWanted } from '../subject/subject.usecases.ts';
import type { TenantTables } from '../tables.ts';
import {
  changeGroup,
  deleteGroup,
  deleteGroupMember,
  findGroup,
  insertGroup,
  insertGroupMember,
  type GroupMemberRow,
  type GroupRow,
} from './group.repo.ts';

type Described = Pick<GroupRow, 'name' | 'description'>;

/** @throws AlreadyExistsProblem */
export async function makeGroup(parts: TenantParts, caller: Caller, wanted: Described): Promise<GroupRow> {
  const row: GroupRow = {
    ...wanted,
    org_id: caller.orgId,
    id: newId('grp'),
    revision: '1',
    created_at: parts.now(),
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    await named(row.name, () => insertGroup(tx, row));
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'group.created', data: { after: { ...wanted } } });
  });
  return row;
}

/** @throws NotFoundProblem, StaleRevisionProblem, AlreadyExistsProblem */
export async function alterGroup(
  parts: TenantParts,
  caller: Caller,
  wanted: Described & { readonly id: string; readonly revision: bigint },
): Promise<GroupRow> {
  const { id, name, description } = wanted;
  return parts.tenants.tenant(caller.orgId, async (tx) => {
    const before = await lockGroup(tx, caller, id, wanted.revision);
    await named(name, () => changeGroup(tx, id, { name, description }));
    const data = { before: { name: before.name }, after: { name, description } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(before), name: 'group.updated', data });
    return { ...before, name, description, revision: String(BigInt(before.revision) + 1n) };
  });
}

/** Deletes a group with what it was given: who deletes it must have all of that. @throws NotFoundProblem, StaleRevisionProblem, PermissionProblem */
export async function dropGroup(parts: TenantParts, caller: Caller, id: string, revision: bigint): Promise<void> {
  const holders = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await lockGroup(tx, caller, id, revision);
    await demandAllOf(parts, tx, caller, id);
    const holders = await deleteBindingsOf(tx, subjectOf(id));
    await deleteGroup(tx, id);
    const data = { before: { name: row.name, bindings: holders.length } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'group.deleted', data });
    return holders;
  });
  parts.bell.ring(bells.identity);
  for (const holder of holders) await releaseQuota(parts, caller, 'members', holder);
}

/**
 * Puts somebody into a group, who so gets all that it was given.
 * @throws NotFoundProblem, PermissionProblem when that is more than the caller has, LastOwnerProblem when it denies the last owner
 */
export async function joinGroup(
  parts: TenantParts,
  caller: Caller,
  id: string,
  wanted: SubjectWanted,
): Promise<GroupMemberRow> {
  const subject = await findMember(parts, caller, wanted);
  const row: GroupMemberRow = { org_id: caller.orgId, group_id: id, subject, added_at: parts.now() };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    const group = await lockGroup(tx, caller, id, 0n);
    await demandAllOf(parts, tx, caller, id);
    if (!(await insertGroupMember(tx, row))) return;
    await demandOwnerLeft(tx, caller.orgId);
    await appendEvent(tx, authorOf(caller), {
      ...eventOf(group),
      name: 'group.member_added',
      data: { after: { subject } },
    });
  });
  parts.bell.ring(bells.identity);
  return row;
}

/** Takes somebody out of a group: what it denied them too. @throws NotFoundProblem, PermissionProblem */
export async function leaveGroup(parts: TenantParts, caller: Caller, id: string, wanted: SubjectWanted): Promise<void> {
  const subject = await findMember(parts, caller, wanted);
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    const group = await lockGroup(tx, caller, id, 0n);
    await demandAllOf(parts, tx, caller, id);
    if (!(await deleteGroupMember(tx, id, subject))) throw new NotFoundProblem('group member', subject);
    const data = { before: { subject } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(group), name: 'group.member_removed', data });
  });
  parts.bell.ring(bells.identity);
}

const subjectOf = (id: string): string => `group:${id}`;

async function demandAllOf(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  caller: Caller,
  id: string,
): Promise<void> {
  const now = parts.now();
  for (const row of await bindingsOf(tx, [subjectOf(id)]))
    if (row.expires_at === null || row.expires_at > now)
      demandHolds(caller, row, permissionsOf(row), now.getTime(), row.expires_at?.getTime());
}

/** Roles are given under the same lock. */
async function lockGroup(
  tx: Transaction<TenantTables>,
  caller: Caller,
  id: string,
  revision: bigint,
): Promise<GroupRow> {
  await lockOrganization(tx, caller.orgId);
  const row = await findGroup(tx, id);
  if (row === undefined) throw new NotFoundProblem('group', id);
  if (revision !== 0n && revision !== BigInt(row.revision))
    throw new StaleRevisionProblem('group', id, revision, BigInt(row.revision));
  return row;
}

async function named(name: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('group', name) : error;
  }
}

const eventOf = (row: GroupRow): { orgId: string; resourceId: string } => ({ orgId: row.org_id, resourceId: row.id });

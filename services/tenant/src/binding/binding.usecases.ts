import { Effect, Role } from '@truffle/api/tenant/v1/account';
import { appendEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  authorOf,
  bells,
  demandStepUp,
  InvalidProblem,
  NotFoundProblem,
  permissionsOfRole,
  type Caller,
} from '@truffle/kit';
import { demandVerified } from '../account/person.usecases.ts';
import { removeFromGroups } from '../group/group.repo.ts';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import { findRole } from '../role/role.repo.ts';
import { findSubject, type SubjectWanted } from '../subject/subject.usecases.ts';
import type { TenantTables } from '../tables.ts';
import { demandHolds, demandUndo, LastOwnerProblem, permissionsOf, placeOf, roleNameOf } from './binding.ts';
import {
  bindingsOf,
  changeBinding,
  countOwners,
  deleteBinding,
  findBinding,
  findBindingAt,
  insertBinding,
  type BindingView,
} from './binding.repo.ts';

/** Who is to get or lose which role where, and when. */
export interface BindingWanted extends SubjectWanted {
  readonly scopeId: string;
  /** UNSPECIFIED where `roleId` says it. */
  readonly role: Role;
  readonly roleId: string;
  readonly effect: Effect;
  readonly startsAt: Date | null;
  readonly expiresAt: Date | null;
}

/**
 * Gives a subject a role at a place, or changes the one that it has there: one for good, and one for each role that is denied or has times.
 * @throws InvalidProblem, NotFoundProblem without such a subject or role, PermissionProblem for more than the caller has, LastOwnerProblem
 */
export async function giveRole(parts: TenantParts, caller: Caller, wanted: BindingWanted): Promise<BindingView> {
  demandSense(wanted, parts.now());
  const place = placeOf(caller, wanted.scopeId);
  if (wanted.role === Role.OWNER) demandStepUp(caller, parts.now().getTime());
  await demandVerified(parts, caller);
  // A built-in role that the caller may not give is refused before anybody is looked up.
  demandHolds(caller, place, permissionsOfRole(wanted.role), parts.now().getTime(), untilOf(wanted));
  const subject = await findSubject(parts, caller, wanted);
  const { row, before } = await parts.tenants.tenant(caller.orgId, async (tx) => {
    await lockOrganization(tx, caller.orgId);
    const custom = wanted.roleId === '' ? undefined : await findRole(tx, wanted.roleId);
    if (wanted.roleId !== '' && custom === undefined) throw new NotFoundProblem('role', wanted.roleId);
    const slot = slotOf(wanted);
    const before = await findBindingAt(tx, subject, wanted.scopeId, slot);
    const fresh = {
      id: newId('bnd'),
      revision: '1',
      created_at: parts.now(),
      quota_holder: caller.quotaHolder,
      connection_id: null,
    };
    const row: BindingView = {
      ...place,
      org_id: caller.orgId,
      subject,
      slot,
      effect: wanted.effect,
      ...(before ?? fresh),
      role: wanted.role,
      role_id: custom?.id ?? null,
      role_name: custom?.name ?? null,
      role_permissions: custom?.permissions ?? null,
      starts_at: wanted.startsAt,
      expires_at: wanted.expiresAt,
    };
    demandHolds(caller, place, permissionsOf(row), parts.now().getTime(), untilOf(wanted));
    if (before === undefined) await insertRow(tx, row);
    else {
      demandUndo(caller, before, parts.now().getTime());
      if (before.role === Role.OWNER) demandStepUp(caller, parts.now().getTime());
      await changeBinding(tx, before.id, row);
    }
    await demandOwnerLeft(tx, caller.orgId);
    const data = { after: told(row), ...(before === undefined ? {} : { before: told(before) }) };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'member.set', data });
    return { row, before };
  });
  parts.bell.ring(bells.identity);
  // The gate took one more of the quota for this call; only a new binding keeps it.
  if (before !== undefined) await releaseQuota(parts, caller, 'members', caller.quotaHolder);
  return row;
}

/**
 * Takes a binding away. Who has no role of their own left is no member any more and leaves their groups too.
 * @throws NotFoundProblem, LastOwnerProblem, PermissionProblem when it is more than the caller has
 */
export async function takeRole(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    await lockOrganization(tx, caller.orgId);
    const row = await findBinding(tx, id);
    if (row === undefined) throw new NotFoundProblem('role binding', id);
    demandUndo(caller, row, parts.now().getTime());
    if (row.role === Role.OWNER) demandStepUp(caller, parts.now().getTime());
    await deleteBinding(tx, id);
    await demandOwnerLeft(tx, caller.orgId);
    const own = await bindingsOf(tx, [row.subject]);
    const isMember = own.some((each) => each.effect === Effect.ALLOW);
    const groups = isMember ? [] : await removeFromGroups(tx, row.subject);
    const data = { before: told(row), ...(groups.length === 0 ? {} : { groups }) };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'member.deleted', data });
    return row;
  });
  parts.bell.ring(bells.identity);
  await releaseQuota(parts, caller, 'members', row.quota_holder);
}

/** @throws LastOwnerProblem when what this transaction did leaves nobody who owns the organization */
export async function demandOwnerLeft(tx: Transaction<TenantTables>, orgId: string): Promise<void> {
  if ((await countOwners(tx, orgId)) === 0) throw new LastOwnerProblem(orgId);
}

function demandSense({ role, roleId, startsAt, expiresAt }: BindingWanted, now: Date): void {
  if ((role === Role.UNSPECIFIED) === (roleId === ''))
    throw new InvalidProblem([
      { field: 'role', description: 'say either role or role_id', reason: 'ONE_OF_ROLE_AND_ROLE_ID' },
    ]);
  if (expiresAt !== null && expiresAt <= now)
    throw new InvalidProblem([{ field: 'expires_at', description: 'must be in the future', reason: 'IN_THE_PAST' }]);
  if (startsAt !== null && expiresAt !== null && expiresAt <= startsAt)
    throw new InvalidProblem([
      { field: 'expires_at', description: 'must be after starts_at', reason: 'ENDS_BEFORE_IT_STARTS' },
    ]);
}

const untilOf = ({ expiresAt }: BindingWanted): number => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;

function slotOf({ role, roleId, effect, startsAt, expiresAt }: BindingWanted): string {
  const name = roleId === '' ? Role[role].toLowerCase() : roleId;
  if (effect === Effect.DENY) return `deny ${name}`;
  return startsAt === null && expiresAt === null ? 'standing' : `timed ${name}`;
}

async function insertRow(tx: Transaction<TenantTables>, view: BindingView): Promise<void> {
  const { role_name: _name, role_permissions: _permissions, ...row } = view;
  await insertBinding(tx, row);
}

const told = (row: BindingView) => ({
  subject: row.subject,
  scopeId: row.scope_id,
  role: row.role_id ?? roleNameOf(row).toUpperCase(),
  ...(row.effect === Effect.DENY ? { effect: 'DENY' } : {}),
  ...(row.starts_at === null ? {} : { startsAt: row.starts_at.toISOString() }),
  ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
});

const eventOf = (row: BindingView): { orgId: string; resourceId: string; projectId: string | undefined } => ({
  orgId: row.org_id,
  resourceId: row.id,
  projectId: row.project_id ?? undefined,
});

import { Role } from '@truffle/api/tenant/v1/account';
import { appendEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, bells, demandStepUp, NotFoundProblem, type Caller } from '@truffle/kit';
import { findUserByEmail } from '../account/account.repo.ts';
import { demandVerified } from '../account/person.usecases.ts';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import type { TenantTables } from '../tables.ts';
import { demandRole, LastOwnerProblem, placeOf } from './binding.ts';
import {
  bindingsOfSubject,
  countOtherOwners,
  deleteBinding,
  findBinding,
  findBindingAt,
  insertBinding,
  setRole,
  type BindingRow,
} from './binding.repo.ts';

/** Gives the person of `email` a role at `scopeId`, or changes the one they have there. @throws NotFoundProblem without such a person */
export async function giveRole(
  parts: TenantParts,
  caller: Caller,
  scopeId: string,
  email: string,
  role: Role,
): Promise<BindingRow> {
  const place = placeOf(caller, scopeId);
  demandRole(caller, place, role);
  if (role === Role.OWNER) demandStepUp(caller, parts.now().getTime());
  await demandVerified(parts, caller);
  const user = await parts.identity.anywhere((tx) => findUserByEmail(tx, email));
  // Where mail is delivered, who is not a member yet is invited: this tells nobody whether an address has an account.
  const isMember = async (tx: Transaction<TenantTables>) =>
    user !== undefined && (await bindingsOfSubject(tx, `user:${user.id}`)).some((b) => b.org_id === caller.orgId);
  if (user === undefined || (parts.mailDelivers && !(await parts.identity.anywhere(isMember))))
    throw new NotFoundProblem('member', email);
  const subject = `user:${user.id}`;
  const { row, before } = await parts.tenants.tenant(caller.orgId, async (tx) => {
    await lockOrganization(tx, caller.orgId);
    const before = await findBindingAt(tx, subject, scopeId);
    const fresh = { id: newId('bnd'), revision: '1', created_at: parts.now(), quota_holder: caller.quotaHolder };
    const row: BindingRow = { ...place, org_id: caller.orgId, subject, ...(before ?? fresh), role };
    if (before === undefined) await insertBinding(tx, row);
    else {
      demandRole(caller, place, before.role);
      if (before.role === Role.OWNER) demandStepUp(caller, parts.now().getTime());
      if (
        before.role === Role.OWNER &&
        role !== Role.OWNER &&
        scopeId === caller.orgId &&
        (await countOtherOwners(tx, caller.orgId, before.id)) === 0
      )
        throw new LastOwnerProblem(caller.orgId);
      await setRole(tx, before.id, role);
    }
    const data = {
      after: { subject, scopeId, role: Role[role] },
      ...(before === undefined ? {} : { before: { role: Role[before.role] } }),
    };
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'member.set',
      resourceId: row.id,
      projectId: row.project_id ?? undefined,
      data,
    });
    return { row, before };
  });
  parts.bell.ring(bells.identity);
  // The gate took one more of the quota for this call; only a new binding keeps it.
  if (before !== undefined) await releaseQuota(parts, caller, 'members', caller.quotaHolder);
  return row;
}

/** @throws NotFoundProblem, LastOwnerProblem, PermissionProblem when the role is above the caller's */
export async function takeRole(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    await lockOrganization(tx, caller.orgId);
    const row = await findBinding(tx, id);
    if (row === undefined) throw new NotFoundProblem('role binding', id);
    demandRole(caller, row, row.role);
    if (row.role === Role.OWNER) demandStepUp(caller, parts.now().getTime());
    if (
      row.role === Role.OWNER &&
      row.scope_id === caller.orgId &&
      (await countOtherOwners(tx, caller.orgId, id)) === 0
    )
      throw new LastOwnerProblem(caller.orgId);
    await deleteBinding(tx, id);
    const data = { before: { subject: row.subject, scopeId: row.scope_id, role: Role[row.role] } };
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'member.deleted',
      resourceId: id,
      projectId: row.project_id ?? undefined,
      data,
    });
    return row;
  });
  parts.bell.ring(bells.identity);
  await releaseQuota(parts, caller, 'members', row.quota_holder);
}

import { Role } from '@truffle/api/tenant/v1/account';
import { appendEvent } from '@truffle/database';
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
import { mayMail, TooManyAttemptsProblem } from '../account/sign-in-attempt.ts';
import { demandHolds, permissionsOf, placeOf } from '../binding/binding.ts';
import { linkLifetimes } from '../link/link.ts';
import { postMail } from '../mail/mail.repo.ts';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { findRole } from '../role/role.repo.ts';
import { endInvitation, findInvitation, findPending, insertInvitation, type InvitationRow } from './invitation.repo.ts';

/** A built-in role, or one of the organization's own; the other is empty. */
export interface InvitedRole {
  readonly role: Role;
  readonly roleId: string;
}

/**
 * Invites an address to a role at `scopeId`, whether it has an account or not: nothing looks it up. An invitation that waits there is
 * replaced, and its link ends.
 * @throws InvalidProblem, NotFoundProblem without such a role, PermissionProblem for a role above the caller's, StepUpRequiredProblem for an owner, TooManyAttemptsProblem for the third in a row
 */
export async function invite(
  parts: TenantParts,
  caller: Caller,
  scopeId: string,
  address: string,
  { role, roleId }: InvitedRole,
): Promise<InvitationRow> {
  if ((role === Role.UNSPECIFIED) === (roleId === ''))
    throw new InvalidProblem([
      { field: 'role', description: 'say either role or role_id', reason: 'ONE_OF_ROLE_AND_ROLE_ID' },
    ]);
  const place = placeOf(caller, scopeId);
  demandHolds(caller, place, permissionsOfRole(role), parts.now().getTime());
  if (role === Role.OWNER) demandStepUp(caller, parts.now().getTime());
  await demandVerified(parts, caller);
  const now = parts.now();
  const email = address.toLowerCase();
  if (!(await mayMail(parts.identity, `invitation ${scopeId}`, email, now)))
    throw new TooManyAttemptsProblem('invitations');
  const row: InvitationRow = {
    ...place,
    org_id: caller.orgId,
    id: newId('inv'),
    email,
    role,
    role_id: roleId || null,
    invited_by: caller.subject,
    created_at: now,
    expires_at: new Date(now.getTime() + linkLifetimes.invitation),
    accepted_at: null,
    revoked_at: null,
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    await lockOrganization(tx, caller.orgId);
    if (row.role_id !== null) {
      const custom = await findRole(tx, row.role_id);
      if (custom === undefined) throw new NotFoundProblem('role', row.role_id);
      demandHolds(caller, place, custom.permissions, now.getTime());
    }
    const before = await findPending(tx, email, scopeId);
    if (before !== undefined) {
      // Who may not give the role that waits may not take it away either.
      demandHolds(caller, place, permissionsOf(before), now.getTime());
      await endInvitation(tx, before.id, now);
    }
    await insertInvitation(tx, row);
    await postMail(tx, { kind: 'invitation', email, subject: row.id }, now);
    const data = { after: told(row), ...(before && { replaces: before.id }) };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'invitation.created', data });
  });
  parts.bell.ring(bells.mail);
  return row;
}

/** Takes an invitation back; one that ended stays so. @throws NotFoundProblem, PermissionProblem for a role above the caller's */
export async function revokeInvitation(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await findInvitation(tx, id);
    if (row === undefined) throw new NotFoundProblem('invitation', id);
    demandHolds(caller, row, permissionsOf(row), parts.now().getTime());
    if (await endInvitation(tx, id, parts.now()))
      await appendEvent(tx, authorOf(caller), {
        ...eventOf(row),
        name: 'invitation.revoked',
        data: { before: told(row) },
      });
  });
}

const told = (row: InvitationRow) => ({
  scopeId: row.scope_id,
  ...(row.role_id === null ? { role: Role[row.role] } : { roleId: row.role_id }),
});

export const eventOf = (row: InvitationRow): { orgId: string; resourceId: string; projectId: string | undefined } => ({
  orgId: row.org_id,
  resourceId: row.id,
  projectId: row.project_id ?? undefined,
});

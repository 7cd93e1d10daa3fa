import { QuotaService } from '@truffle/api/billing/v1/plan_service';
import { appendEvent, type EventAuthor, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { bells, onBehalfOf, PreconditionProblem, type Caller } from '@truffle/kit';
import { verifyEmail, type UserRow } from '../account/account.repo.ts';
import { authorAs, demandFree } from '../account/person.usecases.ts';
import { grantOf, holds, permissionsOf, roleNameOf, standing } from '../binding/binding.ts';
import { bindingsOfSubject, insertBindingOnce, type BindingRow } from '../binding/binding.repo.ts';
import { LinkProblem } from '../link/link.ts';
import { findLink, takeLink } from '../link/link.repo.ts';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { findInvitation, isOpen, setAccepted, type InvitationView } from './invitation.repo.ts';
import { eventOf } from './invitation.usecases.ts';

/**
 * The open invitation of a link, for who has the address that it went to. It lives by its maker: of somebody who could not give the role any
 * more it is void.
 * @throws LinkProblem, PreconditionProblem for another address
 */
export async function findOpenInvitation(parts: TenantParts, token: string, email: string): Promise<InvitationView> {
  const now = parts.now();
  return parts.identity.anywhere(async (tx) => {
    const link = await findLink(tx, 'invitation', token, now);
    const row = await findInvitation(tx, link.subject);
    if (row === undefined || !isOpen(row, now)) throw new LinkProblem();
    // Its role was deleted meanwhile.
    if (row.role_id !== null && row.role_permissions === null) throw new LinkProblem();
    if (row.invited_by.startsWith('user:')) {
      const giver = { bindings: (await bindingsOfSubject(tx, row.invited_by)).map(grantOf), orgId: row.org_id };
      if (!holds(giver, row, permissionsOf(row), now.getTime())) throw new LinkProblem();
    }
    if (row.email !== email)
      throw new PreconditionProblem(
        'OTHER_ADDRESS',
        'this invitation is for another address: sign in with the account of that address, or sign up with it',
      );
    return row;
  });
}

/** Accepts an invitation for the caller. @throws LinkProblem, PreconditionProblem for another address or a role that is there */
export async function accept(parts: TenantParts, caller: Caller, token: string): Promise<BindingRow> {
  const { user } = await demandFree(parts, caller);
  const invitation = await findOpenInvitation(parts, token, user.email);
  const author = authorAs(user, caller);
  const row = await holdMember(parts, caller, invitation, () =>
    parts.identity.tenant(invitation.org_id, (tx) =>
      acceptInside(tx, author, { user, invitation, token, now: parts.now() }),
    ),
  );
  parts.bell.ring(bells.identity);
  return row;
}

interface Acceptance {
  readonly user: UserRow;
  readonly invitation: InvitationView;
  readonly token: string;
  readonly now: Date;
}

/** The part of an acceptance that is one transaction under the organization that invited. */
export async function acceptInside(
  tx: Transaction<TenantTables>,
  author: EventAuthor,
  { user, invitation, token, now }: Acceptance,
): Promise<BindingRow> {
  await takeLink(tx, 'invitation', token, now);
  if (!(await setAccepted(tx, invitation.id, now))) throw new LinkProblem();
  // The link came by mail: who used it reads the address.
  await verifyEmail(tx, user.id, now);
  const row: BindingRow = {
    org_id: invitation.org_id,
    id: newId('bnd'),
    subject: `user:${user.id}`,
    ...standing,
    role: invitation.role,
    role_id: invitation.role_id,
    scope_id: invitation.scope_id,
    workspace_id: invitation.workspace_id,
    project_id: invitation.project_id,
    quota_holder: invitation.id,
    connection_id: null,
    revision: '1',
    created_at: now,
  };
  if (!(await insertBindingOnce(tx, row)))
    throw new PreconditionProblem('ALREADY_MEMBER', 'you have a role at this place already; ask for it to be changed');
  const place = { subject: row.subject, scopeId: row.scope_id, role: roleNameOf(invitation) };
  await appendEvent(tx, author, { ...eventOf(invitation), name: 'invitation.accepted', data: { bindingId: row.id } });
  await appendEvent(tx, author, {
    ...eventOf(invitation),
    name: 'member.set',
    resourceId: row.id,
    data: { after: place, invitationId: invitation.id },
  });
  return row;
}

/** Takes the member's place in the organization's quota for `work`, and gives it back when that fails. */
export async function holdMember<R>(
  parts: TenantParts,
  caller: Caller,
  invitation: InvitationView,
  work: () => Promise<R>,
): Promise<R> {
  const quotas = parts.peers.client('billing', QuotaService, onBehalfOf({ ...caller, orgId: invitation.org_id }));
  const held = { orgId: invitation.org_id, quota: 'members', holder: invitation.id };
  await quotas.consumeQuota({ ...held, amount: 1n });
  try {
    return await work();
  } catch (error) {
    await quotas.releaseQuota(held).catch(() => undefined);
    throw error;
  }
}

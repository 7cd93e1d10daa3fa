import { Effect } from '@truffle/api/tenant/v1/account';
import { appendEvent } from '@truffle/database';
import { authorOf, bells, NotFoundProblem, type Caller } from '@truffle/kit';
import { findUser, type UserRow } from '../account/account.repo.ts';
import { demandUndo } from '../binding/binding.ts';
import { bindingsOf } from '../binding/binding.repo.ts';
import { domainOf } from '../connection/domain.ts';
import { findVerifiedDomain } from '../connection/domain.repo.ts';
import type { TenantParts } from '../parts.ts';
import { endOtherSessions } from '../session/session.repo.ts';
import { findMember, type SubjectWanted } from '../subject/subject.usecases.ts';
import { demandProofAfter, endSessionsFor } from './member.repo.ts';

/** What became of a member's sessions. */
export interface SignedOut {
  readonly everywhere: boolean;
  readonly ended: number;
}

/**
 * Ends a member's sessions for the call's organization. An account is the person's, so what they do elsewhere goes on, unless their account is
 * the organization's to give: by the proven domain of its address, or as its provider made it.
 * @throws NotFoundProblem for who is no member, PermissionProblem for who may more than the caller
 */
export async function signOutMember(parts: TenantParts, caller: Caller, wanted: SubjectWanted): Promise<SignedOut> {
  const { orgId } = caller;
  const now = parts.now();
  const subject = await findMember(parts, caller, wanted);
  const [user, roles] = await parts.identity.tenant(orgId, async (tx) => [
    await findUser(tx, subject.slice('user:'.length)),
    await bindingsOf(tx, [subject]),
  ]);
  if (user === undefined) throw new NotFoundProblem('member', wanted.email || subject);
  for (const role of roles)
    if (role.org_id === orgId && role.effect === Effect.ALLOW) demandUndo(caller, role, now.getTime());
  const everywhere = await isManaged(parts, orgId, user);
  const ended = await parts.identity.tenant(orgId, async (tx) => {
    await demandProofAfter(tx, orgId, user.id, now);
    const count = everywhere
      ? await endOtherSessions(tx, user.id, undefined, now)
      : await endSessionsFor(tx, orgId, user.id, now);
    const data = { member: subject, everywhere, ended: count };
    await appendEvent(tx, authorOf(caller), { orgId, name: 'member.signed_out', resourceId: user.id, data });
    return count;
  });
  parts.bell.ring(bells.identity);
  return { everywhere, ended };
}

/** Whether a person's account is the organization's to give. */
async function isManaged(parts: TenantParts, orgId: string, user: UserRow): Promise<boolean> {
  if (user.made_by === orgId) return true;
  const domain = await parts.identity.anywhere((tx) => findVerifiedDomain(tx, domainOf(user.email)));
  return domain?.org_id === orgId;
}

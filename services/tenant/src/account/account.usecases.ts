import { Role } from '@truffle/api/tenant/v1/account';
import { bells, PreconditionProblem, UnauthenticatedProblem, type Caller } from '@truffle/kit';
import { bindingsOfSubject } from '../binding/binding.repo.ts';
import { findOpenConnection } from '../connection/connection.repo.ts';
import { findVerifiedDomain } from '../connection/domain.repo.ts';
import { domainOf } from '../connection/domain.ts';
import { endChallenges } from '../factor/challenge.repo.ts';
import { MfaRequiredProblem } from '../factor/factor.ts';
import { factorsOf } from '../factor/factor.repo.ts';
import { challengePerson } from '../factor/proof.usecases.ts';
import { leaveImpersonation } from '../impersonation/impersonation.usecases.ts';
import { endLinks } from '../link/link.repo.ts';
import { postMail } from '../mail/mail.repo.ts';
import type { TenantParts } from '../parts.ts';
import { endOtherSessions, endSession } from '../session/session.repo.ts';
import { openSession, type OpenedSession } from '../session/session.usecases.ts';
import { appendEvent } from '@truffle/database';
import { findUserByEmail, setPasswordHash, type UserRow } from './account.repo.ts';
import { checkPassword } from './password-rules.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { accountEvent, authorAs, demandPerson, demandSession, recorded } from './person.usecases.ts';
import { countAttempt, forgetAttempts } from './sign-in-attempt.ts';

/**
 * Opens a session. An unknown address and a wrong password are the same refusal after the same work.
 * @throws UnauthenticatedProblem, TooManyAttemptsProblem, MfaRequiredProblem when a second factor is due
 */
export async function signIn(
  parts: TenantParts,
  caller: Caller,
  email: string,
  password: string,
): Promise<OpenedSession> {
  const now = parts.now();
  const counted = await countAttempt(parts.identity, email, caller.address, now);
  const user = await parts.identity.anywhere((tx) => findUserByEmail(tx, email));
  const right = await verifyPassword(password, user?.password_hash);
  if (user === undefined || !right) {
    const record = user && { orgId: user.home_org_id, resourceId: user.id };
    throw new UnauthenticatedProblem('WRONG_CREDENTIALS', 'the address or the password is wrong', record);
  }
  await forgetAttempts(parts.identity, counted, now);
  await demandPasswordAllowed(parts, user);
  const opened = await parts.identity.tenant(user.home_org_id, async (tx) => {
    const factors = await factorsOf(tx, user.id);
    if (factors.length > 0) return challengePerson(parts, tx, { kind: 'sign_in', userId: user.id }, factors, now);
    const session = await openSession(tx, user, caller, now);
    const event = accountEvent(user, 'account.signed_in', { sessionId: session.sessionId, proof: 'password' });
    await appendEvent(tx, authorAs(user, caller), event);
    return session;
  });
  if (!('sessionToken' in opened)) throw new MfaRequiredProblem(opened);
  parts.bell.ring(bells.mail);
  return opened;
}

/**
 * An organization may demand that people of its domain come by its provider. Its owners are let in still: a provider that is broken locks nobody
 * out for good. Asked once the password was right, so that it tells nothing to who guesses.
 * @throws PreconditionProblem
 */
export async function demandPasswordAllowed(parts: TenantParts, user: UserRow): Promise<void> {
  const held = await parts.identity.anywhere(async (tx) => {
    const domain = await findVerifiedDomain(tx, domainOf(user.email));
    if (domain === undefined || !domain.required) return false;
    if ((await findOpenConnection(tx, domain.connection_id)) === undefined) return false;
    const bindings = await bindingsOfSubject(tx, `user:${user.id}`);
    return !bindings.some((b) => b.scope_id === domain.org_id && b.role === Role.OWNER);
  });
  if (held)
    throw new PreconditionProblem(
      'SSO_REQUIRED',
      'your organization demands that you sign in by its provider: begin with your address (BeginSignIn), or truffle login',
    );
}

/** Ends the session that makes the call. @throws PreconditionProblem for an API key, which has none */
export async function signOut(parts: TenantParts, caller: Caller): Promise<void> {
  if (caller.acting !== undefined) return leaveImpersonation(parts, caller);
  const { user, sessionId } = await demandSession(parts, caller);
  await recorded(parts, user, caller, 'account.signed_out', { sessionId }, (tx) =>
    endSession(tx, sessionId, parts.now()),
  );
  parts.bell.ring(bells.identity);
}

/**
 * Changes the caller's password; their other sessions and the links that went out to them end.
 * @throws UnauthenticatedProblem when the old one is wrong, InvalidProblem for a weak new one, TooManyAttemptsProblem
 */
export async function changePassword(
  parts: TenantParts,
  caller: Caller,
  oldPassword: string,
  newPassword: string,
): Promise<void> {
  const { user, sessionId } = await demandPerson(parts, caller);
  const now = parts.now();
  checkPassword(newPassword, [user.email, user.name], 'new_password');
  const counted = await countAttempt(parts.identity, user.email, caller.address, now);
  if (!(await verifyPassword(oldPassword, user.password_hash)))
    throw new UnauthenticatedProblem('WRONG_CREDENTIALS', 'the old password is wrong', {
      orgId: user.home_org_id,
      resourceId: user.id,
    });
  await forgetAttempts(parts.identity, counted, now);
  const hash = await hashPassword(newPassword);
  await recorded(parts, user, caller, 'account.password_changed', {}, async (tx) => {
    await setPasswordHash(tx, user.id, hash);
    await endChallenges(tx, user.id);
    await endOtherSessions(tx, user.id, sessionId, now);
    await endLinks(tx, user.id);
    await postMail(tx, { kind: 'password_changed', email: user.email, subject: user.id }, now);
  });
  parts.bell.ring(bells.identity);
  parts.bell.ring(bells.mail);
}

import { appendEvent, databaseErrorCode, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { AlreadyExistsProblem, bells, InvalidProblem, UnauthenticatedProblem, type Caller } from '@truffle/kit';
import { acceptInside, findOpenInvitation, holdMember } from '../invitation/accept.usecases.ts';
import { linkLifetimes } from '../link/link.ts';
import { findLink, takeLink } from '../link/link.repo.ts';
import { postMail } from '../mail/mail.repo.ts';
import { isOrganizationNamed } from '../organization/organization.repo.ts';
import { foundOrganization, type Founded } from '../organization/organization.usecases.ts';
import type { TenantParts } from '../parts.ts';
import { openSession, type OpenedSession } from '../session/session.usecases.ts';
import type { TenantTables } from '../tables.ts';
import { hasUsers, insertUser, type UserRow } from './account.repo.ts';
import { checkPassword } from './password-rules.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { accountEvent, authorAs } from './person.usecases.ts';
import { countAttempt, forgetAttempts, mayMail } from './sign-in-attempt.ts';
import { deleteSignUpsOf, findSignUp, insertSignUp } from './sign-up.repo.ts';

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly orgName: string;
  readonly invitationToken: string;
}

/** An account that was made; by an invitation without an organization of its own. */
export type SignedUp = OpenedSession & Partial<Founded>;

/**
 * Makes an account and signs in. Where mail is delivered it only notes what is wanted and sends a link, alike for every address: undefined.
 * @throws AlreadyExistsProblem for the organization's name, and without mail for the address; InvalidProblem for a weak password
 */
export async function signUp(parts: TenantParts, caller: Caller, wanted: NewAccount): Promise<SignedUp | undefined> {
  if (wanted.invitationToken !== '') return signUpInvited(parts, caller, wanted);
  if (wanted.orgName === '')
    throw new InvalidProblem([{ field: 'org_name', description: 'is required without an invitation' }]);
  const email = wanted.email.toLowerCase();
  checkPassword(wanted.password, [email, wanted.name, wanted.orgName]);
  const passwordHash = await hashPassword(wanted.password);
  const now = parts.now();
  if (!parts.mailDelivers) {
    const user = newUser({ ...wanted, passwordHash }, newId('org'), now);
    return foundAccount(parts, caller, user, wanted.orgName, async (tx) => {
      // Whoever is first installed it, and needs no proof of an address to be trusted with it.
      if (!(await hasUsers(tx))) Object.assign(user, { email_verified_at: now });
    });
  }
  if (await parts.identity.anywhere((tx) => isOrganizationNamed(tx, wanted.orgName)))
    throw new AlreadyExistsProblem('organization', wanted.orgName, 'org_name');
  const row = {
    id: newId('usr'),
    email,
    name: wanted.name,
    password_hash: passwordHash,
    org_name: wanted.orgName,
    created_at: now,
    expires_at: new Date(now.getTime() + linkLifetimes.sign_up),
  };
  if (await mayMail(parts.identity, 'sign_up', email, now)) {
    await parts.identity.anywhere(async (tx) => {
      await insertSignUp(tx, row);
      await postMail(tx, { kind: 'sign_up', email, subject: row.id }, now);
    });
    parts.bell.ring(bells.mail);
  }
  return undefined;
}

/**
 * Makes the account of a sign-up whose address is proven by the link, and whose maker by the password: neither a reader of the mail who did
 * not sign up nor a maker who does not read the mail gets one.
 * @throws LinkProblem, UnauthenticatedProblem, TooManyAttemptsProblem, AlreadyExistsProblem for the organization's name by now
 */
export async function completeSignUp(
  parts: TenantParts,
  caller: Caller,
  given: { readonly token: string; readonly password: string; readonly orgName: string },
): Promise<OpenedSession> {
  const now = parts.now();
  const signUp = await parts.identity.anywhere(async (tx) => {
    const link = await findLink(tx, 'sign_up', given.token, now);
    return findSignUp(tx, link.subject, now);
  });
  const counted = await countAttempt(parts.identity, signUp?.id ?? '', caller.address, now);
  if (!(await verifyPassword(given.password, signUp?.password_hash)) || signUp === undefined)
    throw new UnauthenticatedProblem('WRONG_CREDENTIALS', 'this is not the password of the sign-up');
  await forgetAttempts(parts.identity, counted, now);
  const user = {
    ...newUser({ email: signUp.email, name: signUp.name, passwordHash: signUp.password_hash }, newId('org'), now),
    email_verified_at: now,
  };
  const orgName = given.orgName === '' ? signUp.org_name : given.orgName;
  return foundAccount(parts, caller, user, orgName, async (tx) => {
    await takeLink(tx, 'sign_up', given.token, now);
    await deleteSignUpsOf(tx, user.email);
  });
}

/** By an invitation's link the address is proven already, and the account is at home in the organization that invited. */
async function signUpInvited(parts: TenantParts, caller: Caller, wanted: NewAccount): Promise<SignedUp> {
  if (wanted.orgName !== '')
    throw new InvalidProblem([{ field: 'org_name', description: 'must be empty with an invitation' }]);
  const email = wanted.email.toLowerCase();
  checkPassword(wanted.password, [email, wanted.name]);
  const now = parts.now();
  const invitation = await findOpenInvitation(parts, wanted.invitationToken, email);
  const passwordHash = await hashPassword(wanted.password);
  const user = { ...newUser({ ...wanted, passwordHash }, invitation.org_id, now), email_verified_at: now };
  const opened = await holdMember(parts, caller, invitation, () =>
    parts.identity.tenant(invitation.org_id, async (tx) => {
      await insertNewUser(tx, user);
      await deleteSignUpsOf(tx, user.email);
      const session = await openSession(tx, user, caller, now);
      const event = accountEvent(user, 'account.signed_up', { sessionId: session.sessionId });
      await appendEvent(tx, authorAs(user, caller), event);
      await acceptInside(tx, authorAs(user, caller), { user, invitation, token: wanted.invitationToken, now });
      return session;
    }),
  );
  parts.bell.ring(bells.identity);
  return opened;
}

/** Makes the account with an organization of its own and opens a session, in one transaction that `besides` begins. */
async function foundAccount(
  parts: TenantParts,
  caller: Caller,
  user: UserRow,
  orgName: string,
  besides: (tx: Transaction<TenantTables>) => Promise<void>,
): Promise<OpenedSession & Founded> {
  const organization = { id: user.home_org_id, name: orgName, title: orgName, owner: `user:${user.id}` };
  let opened: OpenedSession | undefined;
  const founded = await foundOrganization(parts, authorAs(user, caller), organization, 'org_name', async (tx) => {
    await besides(tx);
    await insertNewUser(tx, user);
    opened = await openSession(tx, user, caller, user.created_at);
    const event = accountEvent(user, 'account.signed_up', { sessionId: opened.sessionId });
    await appendEvent(tx, authorAs(user, caller), event);
  });
  if (opened === undefined) throw new TypeError('an organization was founded without its work');
  return { ...founded, ...opened };
}

async function insertNewUser(tx: Transaction<TenantTables>, user: UserRow): Promise<void> {
  try {
    await insertUser(tx, user);
  } catch (error) {
    throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('account', user.email, 'email') : error;
  }
}

function newUser(
  wanted: Pick<NewAccount, 'email' | 'name'> & { readonly passwordHash: string },
  homeOrgId: string,
  now: Date,
): UserRow {
  const email = wanted.email.toLowerCase();
  return {
    id: newId('usr'),
    email,
    name: wanted.name === '' ? email : wanted.name,
    locale: 'en',
    password_hash: wanted.passwordHash,
    email_verified_at: null,
    home_org_id: homeOrgId,
    made_by: null,
    created_at: now,
  };
}

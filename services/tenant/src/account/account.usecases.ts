import { appendEvent, databaseErrorCode, type EventAuthor, type NewEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  bells,
  PreconditionProblem,
  UnauthenticatedProblem,
  type Caller,
} from '@truffle/kit';
import { newCredential } from '../credential/credential.ts';
import { foundOrganization, type Founded } from '../organization/organization.usecases.ts';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { findUser, findUserByEmail, insertUser, setPasswordHash, type UserRow } from './account.repo.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { sessionLifetime } from './session.ts';
import { endOtherSessions, endSession, insertSession, type SessionRow } from './session.repo.ts';
import { countAttempt, forgetAttempts } from './sign-in-attempt.ts';

export interface SignedIn {
  readonly user: UserRow;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/** Makes an account with an organization of its own, and signs in. @throws AlreadyExistsProblem for the address or the organization's name */
export async function signUp(
  parts: TenantParts,
  caller: Caller,
  wanted: { readonly email: string; readonly password: string; readonly name: string; readonly orgName: string },
): Promise<SignedIn & Founded> {
  const now = parts.now();
  const email = wanted.email.toLowerCase();
  const orgId = newId('org');
  const user: UserRow = {
    id: newId('usr'),
    email,
    name: wanted.name === '' ? email : wanted.name,
    locale: 'en',
    password_hash: await hashPassword(wanted.password),
    home_org_id: orgId,
    created_at: now,
  };
  const { row, secret } = newSession(user.id, now);
  const organization = { id: orgId, name: wanted.orgName, title: wanted.orgName, owner: `user:${user.id}` };
  const founded = await foundOrganization(parts, authorAs(user, caller), organization, 'org_name', async (tx) => {
    try {
      await insertUser(tx, user);
    } catch (error) {
      throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('account', email, 'email') : error;
    }
    await insertSession(tx, row);
    await appendEvent(tx, authorAs(user, caller), accountEvent(user, 'account.signed_up', { sessionId: row.id }));
  });
  return { ...founded, user, sessionToken: secret, expiresAt: row.expires_at };
}

/** Opens a session. An unknown address and a wrong password are the same refusal after the same work. @throws UnauthenticatedProblem, TooManyAttemptsProblem */
export async function signIn(parts: TenantParts, caller: Caller, email: string, password: string): Promise<SignedIn> {
  const now = parts.now();
  const counted = await countAttempt(parts.identity, email, caller.address, now);
  const user = await parts.identity.anywhere((tx) => findUserByEmail(tx, email));
  const right = await verifyPassword(password, user?.password_hash);
  if (user === undefined || !right) {
    const record = user && { orgId: user.home_org_id, resourceId: user.id };
    throw new UnauthenticatedProblem('WRONG_CREDENTIALS', 'the address or the password is wrong', record);
  }
  await forgetAttempts(parts.identity, counted, now);
  const { row, secret } = newSession(user.id, now);
  await recorded(parts, user, caller, 'account.signed_in', { sessionId: row.id }, (tx) => insertSession(tx, row));
  return { user, sessionToken: secret, expiresAt: row.expires_at };
}

/** Ends the session that makes the call. @throws PreconditionProblem for an API key, which has none */
export async function signOut(parts: TenantParts, caller: Caller): Promise<void> {
  const { user, sessionId } = await demandPerson(parts, caller);
  await recorded(parts, user, caller, 'account.signed_out', { sessionId }, (tx) =>
    endSession(tx, sessionId, parts.now()),
  );
  parts.bell.ring(bells.identity);
}

/** Changes the caller's password and ends their other sessions. @throws UnauthenticatedProblem when the old one is wrong, TooManyAttemptsProblem */
export async function changePassword(
  parts: TenantParts,
  caller: Caller,
  oldPassword: string,
  newPassword: string,
): Promise<void> {
  const { user, sessionId } = await demandPerson(parts, caller);
  const now = parts.now();
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
    await endOtherSessions(tx, user.id, sessionId, now);
  });
  parts.bell.ring(bells.identity);
}

async function demandPerson(
  parts: TenantParts,
  caller: Caller,
): Promise<{ readonly user: UserRow; readonly sessionId: string }> {
  const user = caller.subject.startsWith('user:')
    ? await parts.identity.anywhere((tx) => findUser(tx, caller.subject.slice('user:'.length)))
    : undefined;
  if (user === undefined || caller.sessionId === undefined)
    throw new PreconditionProblem(
      'NOT_A_PERSON',
      'this is for people who signed in; an API key is ended with RevokeApiKey',
    );
  return { user, sessionId: caller.sessionId };
}

/** Does `work` and records it in the person's home organization, in one transaction. */
async function recorded(
  parts: TenantParts,
  user: UserRow,
  caller: Caller,
  name: string,
  data: Readonly<Record<string, unknown>>,
  work: (tx: Transaction<TenantTables>) => Promise<unknown>,
): Promise<void> {
  await parts.identity.tenant(user.home_org_id, async (tx) => {
    await work(tx);
    await appendEvent(tx, authorAs(user, caller), accountEvent(user, name, data));
  });
}

function newSession(userId: string, now: Date): { readonly row: SessionRow; readonly secret: string } {
  const { secret, sha256 } = newCredential('tfs');
  const expires = new Date(now.getTime() + sessionLifetime);
  return {
    secret,
    row: {
      id: newId('ses'),
      user_id: userId,
      secret_sha256: sha256,
      created_at: now,
      expires_at: expires,
      last_seen_at: now,
      ended_at: null,
    },
  };
}

const accountEvent = (user: UserRow, name: string, data: Readonly<Record<string, unknown>>): NewEvent => ({
  orgId: user.home_org_id,
  name,
  resourceId: user.id,
  data,
});

/** The person as an event's author, also where the call itself was anonymous. */
const authorAs = (user: UserRow, caller: Caller): EventAuthor => ({
  ...authorOf(caller),
  subject: `user:${user.id}`,
  displayName: user.name,
});

import { appendEvent, type EventAuthor, type NewEvent, type Transaction } from '@truffle/database';
import { ActingProblem, authorOf, PreconditionProblem, type Caller } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { findSession } from '../session/session.repo.ts';
import { findUser, type UserRow } from './account.repo.ts';

/** A person who signed in. */
export interface Person {
  readonly user: UserRow;
  readonly sessionId: string;
  /** The organization that the session is for alone; null for a session that the person opened themselves. */
  readonly confinedTo: string | null;
  readonly expiresAt: Date;
}

/** Who signed in, however they did. @throws PreconditionProblem for an API key, ActingProblem for who acts as them */
export async function demandSession(parts: TenantParts, caller: Caller): Promise<Person> {
  // What is a person's own is not touched by who acts as them, whatever the gate let through.
  if (caller.acting !== undefined) throw new ActingProblem();
  const { sessionId = '' } = caller;
  const [user, session] = caller.subject.startsWith('user:')
    ? await parts.identity.anywhere(async (tx) => [
        await findUser(tx, caller.subject.slice('user:'.length)),
        await findSession(tx, sessionId),
      ])
    : [];
  if (user === undefined || session?.user_id !== user.id)
    throw new PreconditionProblem(
      'NOT_A_PERSON',
      'this is for people who signed in; an API key is ended with RevokeApiKey',
    );
  return { user, sessionId, confinedTo: session.confined_to, expiresAt: session.expires_at };
}

/**
 * Who signed in, to read or change their account. A session that an organization's connection opened does that only with an account that the
 * connection made: who runs the provider would otherwise take over what the person has elsewhere.
 * @throws PreconditionProblem
 */
export async function demandPerson(parts: TenantParts, caller: Caller): Promise<Person> {
  const person = await demandSession(parts, caller);
  if (person.confinedTo !== null && person.confinedTo !== person.user.made_by) throw confined();
  return person;
}

/** Who signed in by themselves, to reach beyond one organization. @throws PreconditionProblem */
export async function demandFree(parts: TenantParts, caller: Caller): Promise<Person> {
  const person = await demandSession(parts, caller);
  if (person.confinedTo !== null) throw confined();
  return person;
}

const confined = (): PreconditionProblem =>
  new PreconditionProblem(
    'SESSION_CONFINED',
    "this session was opened by an organization's provider and is for that organization alone: sign in with your password or passkey for this",
  );

/**
 * Where mail is delivered, people make nothing that reaches others before their address is verified. Keys pass: a person made them.
 * @throws PreconditionProblem
 */
export async function demandVerified(parts: TenantParts, caller: Caller): Promise<void> {
  if (!parts.mailDelivers || !caller.subject.startsWith('user:')) return;
  const user = await parts.identity.anywhere((tx) => findUser(tx, caller.subject.slice('user:'.length)));
  if (user?.email_verified_at === null)
    throw new PreconditionProblem(
      'ADDRESS_NOT_VERIFIED',
      'verify your address first: ask for the mail again (ResendVerification) and follow its link',
    );
}

/** Does `work` and records it in the person's home organization, in one transaction. */
export async function recorded<R>(
  parts: TenantParts,
  user: UserRow,
  caller: Caller,
  name: string,
  data: Readonly<Record<string, unknown>>,
  work: (tx: Transaction<TenantTables>) => Promise<R>,
): Promise<R> {
  return parts.identity.tenant(user.home_org_id, async (tx) => {
    const result = await work(tx);
    await appendEvent(tx, authorAs(user, caller), accountEvent(user, name, data));
    return result;
  });
}

export const accountEvent = (user: UserRow, name: string, data: Readonly<Record<string, unknown>> = {}): NewEvent => ({
  orgId: user.home_org_id,
  name,
  resourceId: user.id,
  data,
});

/** The person as an event's author, also where the call itself was anonymous. */
export const authorAs = (user: UserRow, caller: Caller): EventAuthor => ({
  ...authorOf(caller),
  subject: `user:${user.id}`,
  displayName: user.name,
});

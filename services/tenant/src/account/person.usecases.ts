import { appendEvent, type EventAuthor, type NewEvent, type Transaction } from '@truffle/database';
import { authorOf, PreconditionProblem, type Caller } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { findUser, type UserRow } from './account.repo.ts';

/** A person who signed in. */
export interface Person {
  readonly user: UserRow;
  readonly sessionId: string;
}

/** @throws PreconditionProblem for an API key */
export async function demandPerson(parts: TenantParts, caller: Caller): Promise<Person> {
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

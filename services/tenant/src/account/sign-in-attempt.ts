import { createHash } from 'node:crypto';
import { Code } from '@connectrpc/connect';
import type { Database } from '@truffle/database';
import { Problem } from '@truffle/kit';
import { sql } from 'kysely';
import type { TenantTables } from '../tables.ts';

/** Failures in a window: for one account from one address, and for one account from anywhere (guessing spread over many addresses). */
const windowMs = 15 * 60_000;
const mostFromOneAddress = 10;
const mostFromAnywhere = 100;
/** Codes of a second factor: a guess has one chance in 300,000, so these are far from enough. */
const mostCodes = 10;
/** Mails of one kind to one address. */
const mostMails = 3;

/** There were too many attempts for this account or address lately. */
export class TooManyAttemptsProblem extends Problem {
  override readonly name = 'TooManyAttemptsProblem';
  constructor(what: 'wrong passwords' | 'wrong codes' | 'invitations' = 'wrong passwords') {
    super(Code.ResourceExhausted, 'TOO_MANY_ATTEMPTS', `too many ${what} for this address; try again in 15 minutes`);
  }
}

/** What an attempt was counted under; hand it back when the attempt succeeds. */
export type CountedAttempt = readonly string[];

/**
 * Counts an attempt as failed before the password is looked at, so that attempts at the same time are bounded too. Unknown accounts are
 * counted like known ones. @throws TooManyAttemptsProblem
 */
export async function countAttempt(
  identity: Database<TenantTables>,
  email: string,
  address: string,
  now: Date,
): Promise<CountedAttempt> {
  const bounds = new Map([
    [nameOf(email, address), mostFromOneAddress],
    [nameOf(email), mostFromAnywhere],
  ]);
  if (!(await countUnder(identity, bounds, now))) throw new TooManyAttemptsProblem();
  return [...bounds.keys()];
}

/** Counts a try of a code of `userId` like an attempt to sign in. @throws TooManyAttemptsProblem */
export async function countCode(identity: Database<TenantTables>, userId: string, now: Date): Promise<CountedAttempt> {
  const name = nameOf(userId, 'code');
  if (!(await countUnder(identity, new Map([[name, mostCodes]]), now))) throw new TooManyAttemptsProblem('wrong codes');
  return [name];
}

/** Whether one more mail of a kind may go to `email` now. The answer does not depend on whether the address has an account. */
export async function mayMail(
  identity: Database<TenantTables>,
  kind: string,
  email: string,
  now: Date,
): Promise<boolean> {
  return countUnder(identity, new Map([[nameOf(email, `mail ${kind}`), mostMails]]), now);
}

/** Counts one more under each name; whether all stay within their bounds in the window. */
async function countUnder(
  identity: Database<TenantTables>,
  bounds: ReadonlyMap<string, number>,
  now: Date,
): Promise<boolean> {
  const since = new Date(now.getTime() - windowMs);
  // In the order of the names, so that two attempts at once never wait for each other.
  const names = [...bounds.keys()].sort();
  return identity.anywhere(async (tx) => {
    const { rows } = await sql<{ name: string; failures: number }>`
      insert into tenant.sign_in_attempt as t (name, failures, since)
      select name, 1, ${now}::timestamptz from unnest(${names}::text[]) name
      on conflict (name) do update set
        failures = case when t.since < ${since}::timestamptz then 1 else t.failures + 1 end,
        since = case when t.since < ${since}::timestamptz then excluded.since else t.since end
      returning name, failures`.execute(tx);
    return rows.every((row) => row.failures <= (bounds.get(row.name) ?? 0));
  });
}

/** The attempt was the person's own: their failures are forgotten, and so is what is older than the window. */
export async function forgetAttempts(
  identity: Database<TenantTables>,
  counted: CountedAttempt,
  now: Date,
): Promise<void> {
  await identity.anywhere((tx) =>
    tx
      .deleteFrom('tenant.sign_in_attempt')
      .where((eb) =>
        eb.or([eb('name', '=', eb.fn.any(eb.val([...counted]))), eb('since', '<', new Date(now.getTime() - windowMs))]),
      )
      .execute(),
  );
}

const nameOf = (email: string, address = ''): string =>
  createHash('sha256').update(`${email.toLowerCase()}\0${address}`).digest('base64url');

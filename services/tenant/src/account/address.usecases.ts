import { databaseErrorCode, type Transaction } from '@truffle/database';
import { bells, type Caller } from '@truffle/kit';
import { endChallenges } from '../factor/challenge.repo.ts';
import { LinkProblem, type LinkKind } from '../link/link.ts';
import { endLinks, findLink, takeLink, type LinkRow } from '../link/link.repo.ts';
import { postMail } from '../mail/mail.repo.ts';
import type { TenantParts } from '../parts.ts';
import { endOtherSessions } from '../session/session.repo.ts';
import type { TenantTables } from '../tables.ts';
import { findUser, setEmail, setPasswordHash, verifyEmail, type UserRow } from './account.repo.ts';
import { checkPassword } from './password-rules.ts';
import { hashPassword } from './password.ts';
import { demandFree, recorded } from './person.usecases.ts';
import { mayMail } from './sign-in-attempt.ts';

/**
 * Sends what `kind` says to an address, if there is anything to send: that is found out when the mail is written, so this takes as long and
 * answers alike for every address. Too many in a row are dropped without a word.
 */
export async function mailTo(parts: TenantParts, kind: 'verify' | 'reset', email: string): Promise<void> {
  const now = parts.now();
  const to = email.toLowerCase();
  if (!(await mayMail(parts.identity, kind, to, now))) return;
  await parts.identity.anywhere((tx) => postMail(tx, { kind, email: to, subject: '' }, now));
  parts.bell.ring(bells.mail);
}

/** @throws LinkProblem */
export async function verifyAddress(parts: TenantParts, caller: Caller, token: string): Promise<void> {
  await byLink(parts, caller, 'verify', token, 'account.address_verified', async (tx, user) => {
    await verifyEmail(tx, user.id, parts.now());
  });
}

/**
 * Sets a new password. Ends every session and every other link of the person; their second factors stay.
 * @throws LinkProblem, InvalidProblem for a weak password, which leaves the link good
 */
export async function resetPassword(
  parts: TenantParts,
  caller: Caller,
  token: string,
  newPassword: string,
): Promise<void> {
  const { user } = await subjectOf(parts, 'reset', token);
  checkPassword(newPassword, [user.email, user.name], 'new_password');
  const hash = await hashPassword(newPassword);
  const now = parts.now();
  await byLink(parts, caller, 'reset', token, 'account.password_reset', async (tx) => {
    await setPasswordHash(tx, user.id, hash);
    await endChallenges(tx, user.id);
    // The link came by mail: who used it reads the address.
    await verifyEmail(tx, user.id, now);
    await endOtherSessions(tx, user.id, undefined, now);
    await endLinks(tx, user.id);
    await postMail(tx, { kind: 'password_changed', email: user.email, subject: user.id }, now);
  });
}

/** Asks both addresses: the new one to confirm, the old one whether to stop it. */
export async function changeAddress(parts: TenantParts, caller: Caller, email: string): Promise<void> {
  const { user } = await demandFree(parts, caller);
  const now = parts.now();
  const to = email.toLowerCase();
  if (to === user.email || !(await mayMail(parts.identity, 'address', user.email, now))) return;
  await recorded(parts, user, caller, 'account.address_change_asked', {}, async (tx) => {
    await endLinks(tx, user.id, 'address_change');
    const change = { email: to, subject: user.id, parameters: { old: user.email } };
    await postMail(tx, { kind: 'address_change', ...change }, now);
    const keep = { email: user.email, subject: user.id, parameters: { new: to } };
    await postMail(tx, { kind: 'address_keep', ...keep }, now);
  });
  parts.bell.ring(bells.mail);
}

/** @throws LinkProblem, also when somebody else has the address by now */
export async function confirmAddress(parts: TenantParts, caller: Caller, token: string): Promise<void> {
  const now = parts.now();
  await byLink(parts, caller, 'address_change', token, 'account.address_changed', async (tx, user, link) => {
    await moveTo(tx, user, link.email, now);
    const parameters = { new: link.email };
    await postMail(tx, { kind: 'address_changed', email: user.email, subject: user.id, parameters }, now);
  });
}

/** Stops a change of address, or takes it back; whoever asked for it is signed out everywhere. @throws LinkProblem */
export async function keepAddress(parts: TenantParts, caller: Caller, token: string): Promise<void> {
  const now = parts.now();
  await byLink(parts, caller, 'address_keep', token, 'account.address_kept', async (tx, user, link) => {
    if (user.email !== link.email) await moveTo(tx, user, link.email, now);
    await endLinks(tx, user.id);
    await endOtherSessions(tx, user.id, undefined, now);
  });
}

async function moveTo(tx: Transaction<TenantTables>, user: UserRow, email: string, now: Date): Promise<void> {
  try {
    await setEmail(tx, user.id, email, now);
  } catch (error) {
    throw databaseErrorCode(error) === '23505' ? new LinkProblem() : error;
  }
}

async function subjectOf(
  parts: TenantParts,
  kind: LinkKind,
  token: string,
): Promise<{ readonly user: UserRow; readonly link: LinkRow }> {
  return parts.identity.anywhere(async (tx) => {
    const link = await findLink(tx, kind, token, parts.now());
    const user = await findUser(tx, link.subject);
    if (user === undefined) throw new LinkProblem();
    return { user, link };
  });
}

/** Does `work` for the person of a link, uses it up and records it, in one transaction. */
async function byLink(
  parts: TenantParts,
  caller: Caller,
  kind: LinkKind,
  token: string,
  event: string,
  work: (tx: Transaction<TenantTables>, user: UserRow, link: LinkRow) => Promise<void>,
): Promise<void> {
  const { user } = await subjectOf(parts, kind, token);
  await recorded(parts, user, caller, event, {}, async (tx) => {
    const link = await takeLink(tx, kind, token, parts.now());
    await work(tx, user, link);
  });
  parts.bell.ring(bells.identity);
  parts.bell.ring(bells.mail);
}

import { appendEvent } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, bells, InvalidProblem, NotFoundProblem, type Caller } from '@truffle/kit';
import { findUser } from '../account/account.repo.ts';
import { demandSession } from '../account/person.usecases.ts';
import { newCredential } from '../credential/credential.ts';
import { postMail } from '../mail/mail.repo.ts';
import { findOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { endSession, findSession, insertSession } from '../session/session.repo.ts';
import { findMember } from '../subject/subject.usecases.ts';
import { findActing } from './impersonation.repo.ts';

export interface WantedImpersonation {
  /** Address of the member. */
  readonly email: string;
  readonly reason: string;
  /** 0 for what is usual. */
  readonly lifetimeMs: number;
}

/** A session as a member; the token is nowhere else. */
export interface OpenedImpersonation {
  readonly sessionId: string;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

const usualMs = 30 * 60_000;

/**
 * Opens a session as a member of the call's organization, for that alone. It is told to them by mail and stands in their sessions.
 * @throws PreconditionProblem for who is no person, NotFoundProblem for who is no member, InvalidProblem for oneself
 */
export async function startImpersonation(
  parts: TenantParts,
  caller: Caller,
  wanted: WantedImpersonation,
): Promise<OpenedImpersonation> {
  const { user: actor, sessionId: actingSessionId } = await demandSession(parts, caller);
  const subject = await findMember(parts, caller, { subject: '', email: wanted.email });
  const member = await parts.identity.anywhere((tx) => findUser(tx, subject.slice('user:'.length)));
  if (member === undefined) throw new NotFoundProblem('member', wanted.email);
  if (member.id === actor.id)
    throw new InvalidProblem([
      { field: 'email', description: 'is your own: you are yourself already', reason: 'SELF' },
    ]);
  const now = parts.now();
  const { secret, sha256 } = newCredential('tfs');
  const row = {
    id: newId('ses'),
    user_id: member.id,
    secret_sha256: sha256,
    previous_sha256: null,
    previous_until: null,
    previous_authenticated_at: null,
    created_at: now,
    expires_at: new Date(now.getTime() + (wanted.lifetimeMs || usualMs)),
    last_seen_at: now,
    ended_at: null,
    address: caller.address,
    user_agent: caller.userAgent ?? '',
    // Nobody proved to be the member.
    authenticated_at: new Date(0),
    confined_to: caller.orgId,
    connection_id: null,
    identity_id: null,
    acting_id: actor.id,
    acting_session_id: actingSessionId,
  };
  await parts.identity.tenant(caller.orgId, async (tx) => {
    const organization = await findOrganization(tx, caller.orgId);
    await insertSession(tx, row);
    const until = row.expires_at.toISOString();
    const data = { member: subject, sessionId: row.id, until, reason: wanted.reason };
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'impersonation.started',
      resourceId: member.id,
      data,
    });
    const parameters = {
      actor: actor.email,
      organization: organization?.name ?? caller.orgId,
      at: minute(now),
      until: minute(row.expires_at),
      reason: wanted.reason.replaceAll(/\s+/g, ' '),
    };
    await postMail(tx, { kind: 'impersonated', email: member.email, subject: member.id, parameters }, now);
  });
  parts.bell.ring(bells.mail);
  return { sessionId: row.id, sessionToken: secret, expiresAt: row.expires_at };
}

/** Ends a session in which somebody acts as a member of the call's organization; one that has ended stays so. @throws NotFoundProblem */
export async function endImpersonation(
  parts: TenantParts,
  caller: Caller,
  orgId: string,
  sessionId: string,
): Promise<void> {
  await parts.identity.tenant(orgId, async (tx) => {
    const row = await findActing(tx, orgId, sessionId);
    if (row === undefined) throw new NotFoundProblem('session', sessionId);
    if (!(await endSession(tx, sessionId, parts.now()))) return;
    const data = { member: `user:${row.user_id}`, sessionId, startedBy: `user:${row.acting_id}` };
    await appendEvent(tx, authorOf(caller), { orgId, name: 'impersonation.ended', resourceId: row.user_id, data });
  });
  parts.bell.ring(bells.identity);
}

/** Ends the session that makes the call, of who acts as somebody. @throws NotFoundProblem */
export async function leaveImpersonation(parts: TenantParts, caller: Caller): Promise<void> {
  const { sessionId = '' } = caller;
  const row = await parts.identity.anywhere((tx) => findSession(tx, sessionId));
  await endImpersonation(parts, caller, row?.confined_to ?? '', sessionId);
}

const minute = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

import { appendEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { bells, NotFoundProblem, type Caller } from '@truffle/kit';
import type { UserRow } from '../account/account.repo.ts';
import { accountEvent, authorAs, demandPerson, recorded } from '../account/person.usecases.ts';
import { newCredential } from '../credential/credential.ts';
import { postMail } from '../mail/mail.repo.ts';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { deviceLifetime, sessionLifetime } from './session.ts';
import { deviceHistory, endOtherSessions, endSessionOf, insertSession, isSessionOf } from './session.repo.ts';

/** A session as the person gets it. */
export interface OpenedSession {
  readonly user: UserRow;
  readonly sessionId: string;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/** What a session that nobody gave a proof for here comes from: a connection (for its organization alone), or another session. */
export interface SessionOrigin {
  readonly orgId: string | null;
  readonly connectionId: string | null;
  readonly identityId: string | null;
  /** When the person last proved who they are, there. */
  readonly authenticatedAt: Date;
}

/**
 * Opens a session in a transaction under the person's home organization. A sign-in from an address or program that was not seen in the last
 * 90 days is noted and told to the person.
 */
export async function openSession(
  tx: Transaction<TenantTables>,
  user: UserRow,
  caller: Caller,
  now: Date,
  origin?: SessionOrigin,
): Promise<OpenedSession> {
  const { secret, sha256 } = newCredential('tfs');
  const device = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const history = await deviceHistory(tx, user.id, device, new Date(now.getTime() - deviceLifetime));
  const row = {
    id: newId('ses'),
    user_id: user.id,
    secret_sha256: sha256,
    previous_sha256: null,
    previous_until: null,
    previous_authenticated_at: null,
    created_at: now,
    expires_at: new Date(now.getTime() + sessionLifetime),
    last_seen_at: now,
    ended_at: null,
    address: device.address,
    user_agent: device.userAgent,
    authenticated_at: origin?.authenticatedAt ?? now,
    confined_to: origin?.orgId ?? null,
    connection_id: origin?.connectionId ?? null,
    identity_id: origin?.identityId ?? null,
    acting_id: null,
    acting_session_id: null,
  };
  await insertSession(tx, row);
  if (history === 'new') {
    await appendEvent(tx, authorAs(user, caller), accountEvent(user, 'account.new_device', { sessionId: row.id }));
    const parameters = {
      at: `${now.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
      address: device.address || 'unknown',
      program: device.userAgent || 'unknown',
    };
    await postMail(tx, { kind: 'new_device', email: user.email, subject: user.id, parameters }, now);
  }
  return { user, sessionId: row.id, sessionToken: secret, expiresAt: row.expires_at };
}

/** Ends one of the caller's sessions; one that has ended stays so. @throws NotFoundProblem for what is none of theirs */
export async function revokeSession(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  const { user } = await demandPerson(parts, caller);
  await recorded(parts, user, caller, 'session.revoked', { sessionId: id }, async (tx) => {
    if (!(await endSessionOf(tx, user.id, id, parts.now())) && !(await isSessionOf(tx, user.id, id)))
      throw new NotFoundProblem('session', id);
  });
  parts.bell.ring(bells.identity);
}

/** Ends the caller's other sessions; returns how many. */
export async function revokeOtherSessions(parts: TenantParts, caller: Caller): Promise<number> {
  const { user, sessionId } = await demandPerson(parts, caller);
  const ended = await recorded(parts, user, caller, 'session.others_revoked', { keptSessionId: sessionId }, (tx) =>
    endOtherSessions(tx, user.id, sessionId, parts.now()),
  );
  parts.bell.ring(bells.identity);
  return ended;
}

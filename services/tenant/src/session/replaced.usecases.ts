import { readCredential } from '../credential/credential.ts';
import { bells, type Caller } from '@truffle/kit';
import { findUser } from '../account/account.repo.ts';
import { recorded } from '../account/person.usecases.ts';
import type { TenantParts } from '../parts.ts';
import { endSession, findGoodSession } from './session.repo.ts';
import type { OpenedSession } from './session.usecases.ts';

/** Digest of the session token that a request carries, by its header or as a browser's cookie; undefined for another credential or none. */
export function presentedSession(header: Headers): Buffer | undefined {
  const [, credential = ''] = /^Bearer (\S+)$/i.exec(header.get('authorization') ?? '') ?? [];
  const read = readCredential(credential);
  return read?.kind === 'tfs' ? read.sha256 : undefined;
}

/**
 * Ends the session that who signed in had before, whosever it was: the browser's, or the one whose token came along. A sign-in leaves none behind.
 * @returns `opened`, as the caller gets it
 */
export async function replacing<T extends OpenedSession>(
  parts: TenantParts,
  caller: Caller,
  header: Headers,
  opened: T,
): Promise<T> {
  const sha256 = presentedSession(header);
  if (sha256 === undefined) return opened;
  const now = parts.now();
  const had = await parts.identity.anywhere(async (tx) => {
    const session = await findGoodSession(tx, sha256, now);
    // Who acts as somebody ends that by its own call, or with the session that opened it.
    const user = session?.acting_id === null ? await findUser(tx, session.user_id) : undefined;
    return session !== undefined && user !== undefined ? { id: session.id, user } : undefined;
  });
  if (had === undefined || had.id === opened.sessionId) return opened;
  const data = { sessionId: had.id, newSessionId: opened.sessionId };
  await recorded(parts, had.user, caller, 'session.replaced', data, (tx) => endSession(tx, had.id, now));
  parts.bell.ring(bells.identity);
  return opened;
}

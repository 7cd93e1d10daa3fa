import type { LinkSession } from './link-session.ts';

/** Lets a session see that time passes; with the end of its certificate it is over. `wall`: milliseconds since 1970. */
export function tickSession(session: Pick<LinkSession, 'identity' | 'input'>, wall: number): void {
  if (session.identity.certificateEnds.getTime() > wall) return session.input({ kind: 'tick' });
  session.input({
    kind: 'dismissed',
    reason: 'CERTIFICATE_ENDED',
    message: 'the certificate has ended; the agent gets another by itself',
    retryAfterMs: 0,
  });
}

import { createHash, randomBytes } from 'node:crypto';

/** How long a token may wait for its agent, and how long the same request gets the same certificate. */
export const joinTokenPace = { lifetimeMs: 15 * 60_000, repeatMs: 10 * 60_000 } as const;

/** A new token: 256 random bits. Only its hash is stored. */
export const newJoinToken = (): string => `tfj_${randomBytes(32).toString('base64url')}`;

export const hashOf = (secret: string | Uint8Array): Buffer => createHash('sha256').update(secret).digest();

/** A token as it is stored. */
export interface StoredToken {
  readonly expiresAt: Date;
  readonly usedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly csrSha256: Buffer | null;
}

/**
 * What a request with the token comes to. repeat: the answer was lost, the same request gets it again. theft: another request came with a
 * token that was used: one of the two is not whom it was made for, so both are refused.
 */
export type Consumption = 'enrol' | 'repeat' | 'theft' | 'refuse';

export function consume(token: StoredToken, csrSha256: Buffer, now: Date): Consumption {
  if (token.revokedAt !== null) return 'refuse';
  if (token.usedAt === null) return now < token.expiresAt ? 'enrol' : 'refuse';
  const same = token.csrSha256?.equals(csrSha256) ?? false;
  if (same) return now.getTime() < token.usedAt.getTime() + joinTokenPace.repeatMs ? 'repeat' : 'refuse';
  // A token that ended long ago must not be a way to put an agent out of work.
  return now < token.expiresAt ? 'theft' : 'refuse';
}

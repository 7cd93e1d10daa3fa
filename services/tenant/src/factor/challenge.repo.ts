import { randomBytes } from 'node:crypto';
import type { Transaction } from '@truffle/database';
import type { Selectable } from 'kysely';
import { newCredential, readCredential } from '../credential/credential.ts';
import type { TenantTables } from '../tables.ts';
import { WrongProofProblem } from './factor.ts';
import type { ChallengeTable } from './factor.table.ts';

export type ChallengeRow = Selectable<ChallengeTable>;

/** What a challenge stands before. */
export type ChallengeKind = 'sign_in' | 'passkey_sign_in' | 'step_up' | 'add_passkey';

const lifetimeMs = 5 * 60_000;
/** Wrong proofs that one challenge bears. */
const mostAttempts = 5;

export interface NewChallenge {
  readonly kind: ChallengeKind;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly name?: string | undefined;
}

export interface MadeChallenge {
  readonly secret: string;
  /** What an authenticator signs, in base64url. */
  readonly webauthn: string;
  readonly expiresAt: Date;
}

export async function insertChallenge(
  tx: Transaction<TenantTables>,
  wanted: NewChallenge,
  now: Date,
): Promise<MadeChallenge> {
  const { secret, sha256 } = newCredential('tfc');
  const webauthn = randomBytes(32).toString('base64url');
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  await tx
    .insertInto('tenant.challenge')
    .values({
      sha256,
      kind: wanted.kind,
      user_id: wanted.userId ?? null,
      session_id: wanted.sessionId ?? null,
      name: wanted.name ?? '',
      webauthn,
      created_at: now,
      expires_at: expiresAt,
    })
    .execute();
  return { secret, webauthn, expiresAt };
}

/** Counts an attempt on a challenge. @throws WrongProofProblem for one that is not good, or no longer */
export async function tryChallenge(
  tx: Transaction<TenantTables>,
  kinds: readonly ChallengeKind[],
  secret: string,
  now: Date,
): Promise<ChallengeRow> {
  const read = readCredential(secret);
  if (read?.kind !== 'tfc') throw new WrongProofProblem();
  const row = await tx
    .updateTable('tenant.challenge')
    .set((eb) => ({ attempts: eb('attempts', '+', 1) }))
    .where('sha256', '=', read.sha256)
    .where('kind', 'in', kinds)
    .where('expires_at', '>', now)
    .where('attempts', '<', mostAttempts)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new WrongProofProblem();
  return row;
}

/** Uses a challenge up; of two at once, one may. @throws WrongProofProblem */
export async function takeChallenge(tx: Transaction<TenantTables>, sha256: Buffer): Promise<void> {
  const { numDeletedRows } = await tx.deleteFrom('tenant.challenge').where('sha256', '=', sha256).executeTakeFirst();
  if (numDeletedRows === 0n) throw new WrongProofProblem();
}

/** Ends what a person began with a password that is no longer theirs. */
export async function endChallenges(tx: Transaction<TenantTables>, userId: string): Promise<void> {
  await tx.deleteFrom('tenant.challenge').where('user_id', '=', userId).execute();
}

export async function deleteExpiredChallenges(tx: Transaction<TenantTables>, now: Date): Promise<void> {
  await tx.deleteFrom('tenant.challenge').where('expires_at', '<=', now).execute();
}

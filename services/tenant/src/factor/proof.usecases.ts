import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { FactorKind } from '@truffle/api/tenant/v1/factor';
import { ProofChallengeSchema, ProofKind, type ProofChallenge } from '@truffle/api/tenant/v1/session';
import type { Proof } from '@truffle/api/tenant/v1/session_service';
import type { Transaction } from '@truffle/database';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { insertChallenge, type MadeChallenge, type NewChallenge } from './challenge.repo.ts';
import { WrongProofProblem } from './factor.ts';
import { countPasskey, countRecoveryCodes, takeRecoveryCode, takeStep, type FactorRow } from './factor.repo.ts';
import { credentialIdOf, demandSite, requestOptions, verifyAuthentication, type Passkey } from './passkey.ts';
import { openSeed } from './seed.ts';
import { stepOf } from './totp.ts';

export const passkeyOf = (row: FactorRow): Passkey => ({
  credentialId: row.credential_id ?? '',
  publicKey: row.public_key ?? Buffer.alloc(0),
  counter: Number(row.counter),
  transports: row.transports,
});

/** Makes a challenge that a person answers with one of `factors`; without any, with the password. */
export async function challengePerson(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  wanted: NewChallenge & { readonly userId: string },
  factors: readonly FactorRow[],
  now: Date,
): Promise<ProofChallenge> {
  const made = await insertChallenge(tx, wanted, now);
  if (factors.length === 0) return challengeMessage(made, [ProofKind.PASSWORD]);
  const kinds: ProofKind[] = [];
  const passkeys = parts.site === undefined ? [] : factors.filter((f) => f.kind === FactorKind.PASSKEY);
  if (factors.some((f) => f.kind === FactorKind.TOTP)) kinds.push(ProofKind.TOTP);
  if (passkeys.length > 0) kinds.push(ProofKind.PASSKEY);
  if ((await countRecoveryCodes(tx, wanted.userId)) > 0) kinds.push(ProofKind.RECOVERY_CODE);
  if (passkeys.length === 0) return challengeMessage(made, kinds);
  const options = await requestOptions(demandSite(parts.site), passkeys.map(passkeyOf), made.webauthn);
  return challengeMessage(made, kinds, options);
}

export const challengeMessage = (
  made: MadeChallenge,
  kinds: ProofKind[],
  passkeyOptions?: ProofChallenge['passkeyOptions'],
): ProofChallenge =>
  create(ProofChallengeSchema, {
    challenge: made.secret,
    kinds,
    expiresAt: timestampFromDate(made.expiresAt),
    ...(passkeyOptions === undefined ? {} : { passkeyOptions }),
  });

/** What a proof is held against. */
export interface ProofRule {
  /** What a passkey must have signed; undefined where no challenge was given. */
  readonly webauthn: string | undefined;
  /** Whether a passkey must have made sure of the person: where it is all that is asked. */
  readonly personVerified: boolean;
}

/** Checks a proof by one of a person's factors, and uses it up. @throws WrongProofProblem */
export async function proveFactor(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  userId: string,
  factors: readonly FactorRow[],
  { proof }: Proof,
  rule: ProofRule,
): Promise<void> {
  const right =
    proof.case === 'totpCode'
      ? await proveTotp(parts, tx, factors, proof.value)
      : proof.case === 'recoveryCode'
        ? factors.length > 0 && (await takeRecoveryCode(tx, userId, proof.value))
        : proof.case === 'passkey'
          ? await provePasskey(parts, tx, factors, proof.value, rule)
          : false;
  if (!right) throw new WrongProofProblem();
}

async function proveTotp(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  factors: readonly FactorRow[],
  code: string,
): Promise<boolean> {
  const now = parts.now();
  for (const row of factors) {
    if (row.kind !== FactorKind.TOTP) continue;
    const seed = await openSeed(parts, tx, row);
    if (seed === undefined) continue;
    const step = stepOf(seed, code, now.getTime());
    if (step !== undefined && (await takeStep(tx, row.id, step, now))) return true;
  }
  return false;
}

async function provePasskey(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  factors: readonly FactorRow[],
  answer: NonNullable<ProofChallenge['passkeyOptions']>,
  rule: ProofRule,
): Promise<boolean> {
  const row = factors.find((f) => f.kind === FactorKind.PASSKEY && f.credential_id === credentialIdOf(answer));
  if (row === undefined || rule.webauthn === undefined) return false;
  const counter = await verifyAuthentication(demandSite(parts.site), answer, passkeyOf(row), {
    challenge: rule.webauthn,
    personVerified: rule.personVerified,
  });
  return countPasskey(tx, row, counter, parts.now());
}

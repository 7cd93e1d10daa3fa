import type { ProofChallenge } from '@truffle/api/tenant/v1/session';
import { ProofKind } from '@truffle/api/tenant/v1/session';
import type { Proof } from '@truffle/api/tenant/v1/session_service';
import { bells, stepUpMs, UnauthenticatedProblem, type Caller } from '@truffle/kit';
import { demandPasswordAllowed } from '../account/account.usecases.ts';
import { findUser } from '../account/account.repo.ts';
import { accountEvent, authorAs, demandSession, recorded, type Person } from '../account/person.usecases.ts';
import { verifyPassword } from '../account/password.ts';
import { countAttempt, countCode, forgetAttempts } from '../account/sign-in-attempt.ts';
import { insertChallenge, takeChallenge, tryChallenge, type ChallengeRow } from '../factor/challenge.repo.ts';
import { WrongProofProblem } from '../factor/factor.ts';
import { factorsOf, findPasskey, type FactorRow } from '../factor/factor.repo.ts';
import { credentialIdOf, demandSite, requestOptions } from '../factor/passkey.ts';
import { challengeMessage, challengePerson, proveFactor } from '../factor/proof.usecases.ts';
import { appendEvent } from '@truffle/database';
import type { TenantParts } from '../parts.ts';
import { newCredential } from '../credential/credential.ts';
import { previousTokenLifetime } from './session.ts';
import { renewSession } from './session.repo.ts';
import { openSession, type OpenedSession } from './session.usecases.ts';

/** Begins a sign-in by passkey alone. @throws PreconditionProblem where there can be none */
export async function startPasskeySignIn(parts: TenantParts): Promise<ProofChallenge> {
  const site = demandSite(parts.site);
  const made = await parts.identity.anywhere((tx) => insertChallenge(tx, { kind: 'passkey_sign_in' }, parts.now()));
  return challengeMessage(made, [ProofKind.PASSKEY], await requestOptions(site, [], made.webauthn));
}

/** Opens the session that a challenge stands before. @throws WrongProofProblem, TooManyAttemptsProblem */
export async function completeSignIn(parts: TenantParts, caller: Caller, proof: Proof): Promise<OpenedSession> {
  const now = parts.now();
  const challenge = await parts.identity.anywhere((tx) =>
    tryChallenge(tx, ['sign_in', 'passkey_sign_in'], proof.challenge, now),
  );
  const alone = challenge.kind === 'passkey_sign_in';
  const userId = alone ? await ownerOf(parts, proof) : challenge.user_id;
  const counted = await countCode(parts.identity, userId ?? '', now);
  const { user, factors } = await parts.identity.anywhere(async (tx) => ({
    user: await findUser(tx, userId ?? ''),
    factors: await factorsOf(tx, userId ?? ''),
  }));
  if (user === undefined) throw new WrongProofProblem();
  const opened = await parts.identity.tenant(user.home_org_id, async (tx) => {
    await takeChallenge(tx, challenge.sha256);
    const rule = { webauthn: challenge.webauthn, personVerified: alone };
    await proveFactor(parts, tx, user.id, factors, proof, rule).catch((error: unknown) => {
      throw error instanceof WrongProofProblem
        ? new WrongProofProblem({ orgId: user.home_org_id, resourceId: user.id })
        : error;
    });
    if (alone) await demandPasswordAllowed(parts, user);
    const session = await openSession(tx, user, caller, now);
    const data = { sessionId: session.sessionId, proof: proof.proof.case ?? '' };
    await appendEvent(tx, authorAs(user, caller), accountEvent(user, 'account.signed_in', data));
    return session;
  });
  await forgetAttempts(parts.identity, counted, now);
  parts.bell.ring(bells.mail);
  return opened;
}

/** Whose passkey an answer is of. */
async function ownerOf(parts: TenantParts, { proof }: Proof): Promise<string> {
  const id = proof.case === 'passkey' ? credentialIdOf(proof.value) : '';
  const row = await parts.identity.anywhere((tx) => findPasskey(tx, id));
  if (row === undefined) throw new WrongProofProblem();
  return row.user_id;
}

/** What the caller may prove who they are with. */
export async function startStepUp(parts: TenantParts, caller: Caller): Promise<ProofChallenge> {
  const { user, sessionId } = await demandSession(parts, caller);
  const about = { kind: 'step_up', userId: user.id, sessionId } as const;
  return recorded(parts, user, caller, 'account.step_up_started', { sessionId }, async (tx) =>
    challengePerson(parts, tx, about, await factorsOf(tx, user.id), parts.now()),
  );
}

/** What a proof opened. */
export interface SteppedUp {
  readonly openUntil: Date;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/**
 * Opens dangerous actions to the caller's session, by another token than `presented`, its digest until now: who learned of that has nothing of the
 * proof. Who has a second factor proves with it: the password is what was stolen most often.
 * @throws WrongProofProblem, TooManyAttemptsProblem, UnauthenticatedProblem when another proof gave the session another token meanwhile
 */
export async function stepUp(
  parts: TenantParts,
  caller: Caller,
  presented: Buffer | undefined,
  proof: Proof,
): Promise<SteppedUp> {
  const person = await demandSession(parts, caller);
  const { user, sessionId } = person;
  const now = parts.now();
  const challenge = proof.challenge === '' ? undefined : await ownChallenge(parts, person, proof.challenge);
  const factors = await parts.identity.anywhere((tx) => factorsOf(tx, user.id));
  const { secret, sha256 } = newCredential('tfs');
  const counted =
    proof.proof.case === 'password'
      ? await checkPasswordProof(parts, caller, person, factors, proof.proof.value)
      : await countCode(parts.identity, user.id, now);
  const data = { sessionId, proof: proof.proof.case ?? '' };
  const token = { presented: presented ?? sha256, sha256, at: now, previousUntil: after(now, previousTokenLifetime) };
  await recorded(parts, user, caller, 'account.stepped_up', data, async (tx) => {
    if (challenge !== undefined) await takeChallenge(tx, challenge.sha256);
    if (proof.proof.case !== 'password')
      await proveFactor(parts, tx, user.id, factors, proof, { webauthn: challenge?.webauthn, personVerified: false });
    if (!(await renewSession(tx, sessionId, token))) throw replaced();
  });
  await forgetAttempts(parts.identity, counted, now);
  parts.bell.ring(bells.identity);
  return { openUntil: after(now, stepUpMs), sessionToken: secret, expiresAt: person.expiresAt };
}

const after = (moment: Date, ms: number): Date => new Date(moment.getTime() + ms);

const replaced = (): UnauthenticatedProblem =>
  new UnauthenticatedProblem(
    'TOKEN_REPLACED',
    'this session has a newer token, from a proof that was given a moment ago: use that one, or sign in again',
  );

async function ownChallenge(parts: TenantParts, person: Person, secret: string): Promise<ChallengeRow> {
  const row = await parts.identity.anywhere((tx) => tryChallenge(tx, ['step_up'], secret, parts.now()));
  if (row.user_id !== person.user.id || row.session_id !== person.sessionId) throw new WrongProofProblem();
  return row;
}

async function checkPasswordProof(
  parts: TenantParts,
  caller: Caller,
  { user }: Person,
  factors: readonly FactorRow[],
  password: string,
): Promise<readonly string[]> {
  const counted = await countAttempt(parts.identity, user.email, caller.address, parts.now());
  const right = await verifyPassword(password, user.password_hash);
  if (!right || factors.length > 0) throw new WrongProofProblem();
  return counted;
}

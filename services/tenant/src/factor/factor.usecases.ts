import type { JsonObject } from '@bufbuild/protobuf';
import { FactorKind } from '@truffle/api/tenant/v1/factor';
import { appendEvent, databaseErrorCode, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { AlreadyExistsProblem, bells, NotFoundProblem, PreconditionProblem, type Caller } from '@truffle/kit';
import { accountEvent, authorAs, demandPerson, recorded, type Person } from '../account/person.usecases.ts';
import { countCode, forgetAttempts } from '../account/sign-in-attempt.ts';
import { demandingOrganizations } from '../binding/binding.repo.ts';
import { postMail } from '../mail/mail.repo.ts';
import type { MailKind } from '../mail/mail.ts';
import type { TenantParts } from '../parts.ts';
import { endOtherSessions } from '../session/session.repo.ts';
import type { TenantTables } from '../tables.ts';
import { insertChallenge, takeChallenge, tryChallenge } from './challenge.repo.ts';
import { mostFactors, WrongProofProblem } from './factor.ts';
import {
  confirmFactor,
  countRecoveryCodes,
  deleteFactor,
  factorsOf,
  findUnconfirmed,
  insertFactor,
  lockUser,
  setRecoveryCodes,
  type FactorRow,
} from './factor.repo.ts';
import { demandSite, registrationOptions, verifyRegistration } from './passkey.ts';
import { passkeyOf } from './proof.usecases.ts';
import { newRecoveryCodes } from './recovery-code.ts';
import { openSeed, sealSeed } from './seed.ts';
import { describeSeed, newSeed, stepOf } from './totp.ts';

/** A factor that was added; with the first one, the recovery codes, which are shown only now. */
export interface AddedFactor {
  readonly row: FactorRow;
  readonly recoveryCodes: readonly string[];
}

export async function listFactors(
  parts: TenantParts,
  caller: Caller,
): Promise<{ readonly rows: readonly FactorRow[]; readonly recoveryCodesLeft: number }> {
  const { user } = await demandPerson(parts, caller);
  return parts.identity.anywhere(async (tx) => ({
    rows: await factorsOf(tx, user.id),
    recoveryCodesLeft: await countRecoveryCodes(tx, user.id),
  }));
}

/** Begins to add an authenticator app. @throws PreconditionProblem when there are as many factors as there may be */
export async function startTotp(
  parts: TenantParts,
  caller: Caller,
  name: string,
): Promise<{ readonly id: string; readonly secret: string; readonly uri: string }> {
  const { user } = await demandPerson(parts, caller);
  const id = newId('fac');
  const seed = newSeed();
  const row = newFactor(id, user.id, FactorKind.TOTP, name, parts.now());
  await recorded(parts, user, caller, 'factor.started', { factorId: id, kind: 'totp' }, async (tx) => {
    await demandRoom(tx, user.id);
    await insertFactor(tx, { ...row, sealed_seed: await sealSeed(parts, tx, id, seed) });
  });
  return { id, ...describeSeed(seed, 'Truffle', user.email) };
}

/** @throws WrongProofProblem for a wrong code, NotFoundProblem for what was not begun or too long ago */
export async function confirmTotp(parts: TenantParts, caller: Caller, id: string, code: string): Promise<AddedFactor> {
  const person = await demandPerson(parts, caller);
  const now = parts.now();
  const counted = await countCode(parts.identity, person.user.id, now);
  const [row, seed] = await parts.identity.anywhere(async (tx) => {
    const found = await findUnconfirmed(tx, person.user.id, id, now);
    return [found, found && (await openSeed(parts, tx, found))] as const;
  });
  if (row === undefined || seed === undefined) throw new NotFoundProblem('second factor', id);
  const step = stepOf(seed, code, now.getTime());
  if (step === undefined) throw new WrongProofProblem();
  await forgetAttempts(parts.identity, counted, now);
  return added(parts, caller, person, row, async (tx) => {
    if (!(await confirmFactor(tx, id, step, now))) throw new NotFoundProblem('second factor', id);
  });
}

/** Begins to add a passkey. @throws PreconditionProblem */
export async function startPasskey(
  parts: TenantParts,
  caller: Caller,
  name: string,
): Promise<{ readonly challenge: string; readonly options: JsonObject }> {
  const site = demandSite(parts.site);
  const { user, sessionId } = await demandPerson(parts, caller);
  const wanted = { kind: 'add_passkey', userId: user.id, sessionId, name } as const;
  return recorded(parts, user, caller, 'factor.started', { kind: 'passkey' }, async (tx) => {
    await demandRoom(tx, user.id);
    const known = (await factorsOf(tx, user.id)).filter((f) => f.kind === FactorKind.PASSKEY).map(passkeyOf);
    const made = await insertChallenge(tx, wanted, parts.now());
    return { challenge: made.secret, options: await registrationOptions(site, user, known, made.webauthn) };
  });
}

/** @throws WrongProofProblem */
export async function confirmPasskey(
  parts: TenantParts,
  caller: Caller,
  secret: string,
  answer: JsonObject,
): Promise<AddedFactor> {
  const site = demandSite(parts.site);
  const person = await demandPerson(parts, caller);
  const now = parts.now();
  const challenge = await parts.identity.anywhere((tx) => tryChallenge(tx, ['add_passkey'], secret, now));
  if (challenge.user_id !== person.user.id || challenge.session_id !== person.sessionId) throw new WrongProofProblem();
  const passkey = await verifyRegistration(site, answer, challenge.webauthn);
  const row = {
    ...newFactor(newId('fac'), person.user.id, FactorKind.PASSKEY, challenge.name, now),
    credential_id: passkey.credentialId,
    public_key: passkey.publicKey,
    counter: String(passkey.counter),
    transports: [...passkey.transports],
    confirmed_at: now,
  };
  return added(parts, caller, person, row, async (tx) => {
    await takeChallenge(tx, challenge.sha256);
    await demandRoom(tx, person.user.id);
    await insertFactor(tx, row).catch((error: unknown) => {
      throw databaseErrorCode(error) === '23505'
        ? new AlreadyExistsProblem('passkey', challenge.name, 'passkey')
        : error;
    });
  });
}

/** Removes a factor; one that is not there is removed already. @throws PreconditionProblem when an organization demands the last one */
export async function removeFactor(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  const { user } = await demandPerson(parts, caller);
  const now = parts.now();
  await parts.identity.tenant(user.home_org_id, async (tx) => {
    await lockUser(tx, user.id);
    const factors = await factorsOf(tx, user.id);
    const row = factors.find((f) => f.id === id);
    if (row === undefined) return;
    if (factors.length === 1) {
      const [demanding] = await demandingOrganizations(tx, `user:${user.id}`);
      if (demanding !== undefined)
        throw new PreconditionProblem(
          'SECOND_FACTOR_DEMANDED',
          `the organization ${demanding} demands a second factor: add another one before you remove the last`,
          { orgId: demanding },
        );
      await setRecoveryCodes(tx, user.id, []);
    }
    await deleteFactor(tx, id);
    await appendEvent(
      tx,
      authorAs(user, caller),
      accountEvent(user, 'factor.deleted', { factorId: id, name: row.name }),
    );
    await tell(tx, user, 'factor_removed', { name: row.name }, now);
  });
  parts.bell.ring(bells.identity);
  parts.bell.ring(bells.mail);
}

/** Makes recovery codes anew. @throws PreconditionProblem without a second factor, which they stand in for */
export async function regenerateRecoveryCodes(parts: TenantParts, caller: Caller): Promise<readonly string[]> {
  const { user } = await demandPerson(parts, caller);
  const codes = newRecoveryCodes();
  await recorded(parts, user, caller, 'factor.recovery_codes_made', {}, async (tx) => {
    await lockUser(tx, user.id);
    if ((await factorsOf(tx, user.id)).length === 0)
      throw new PreconditionProblem('NO_SECOND_FACTOR', 'recovery codes stand in for a second factor: add one first');
    await setRecoveryCodes(tx, user.id, codes);
    await tell(tx, user, 'recovery_codes', {}, parts.now());
  });
  parts.bell.ring(bells.mail);
  return codes;
}

/** What adding a factor brings with it. With the first one, sessions that were opened without end. */
async function added(
  parts: TenantParts,
  caller: Caller,
  { user, sessionId }: Person,
  row: FactorRow,
  add: (tx: Transaction<TenantTables>) => Promise<void>,
): Promise<AddedFactor> {
  const data = { factorId: row.id, kind: row.kind === FactorKind.TOTP ? 'totp' : 'passkey', name: row.name };
  const recoveryCodes = await recorded(parts, user, caller, 'factor.added', data, async (tx) => {
    await lockUser(tx, user.id);
    const first = (await factorsOf(tx, user.id)).length === 0;
    await add(tx);
    await tell(tx, user, 'factor_added', { name: row.name }, parts.now());
    if (!first) return [];
    const codes = newRecoveryCodes();
    await setRecoveryCodes(tx, user.id, codes);
    await endOtherSessions(tx, user.id, sessionId, parts.now());
    return codes;
  });
  parts.bell.ring(bells.identity);
  parts.bell.ring(bells.mail);
  return { row, recoveryCodes };
}

async function demandRoom(tx: Transaction<TenantTables>, userId: string): Promise<void> {
  if ((await factorsOf(tx, userId)).length >= mostFactors)
    throw new PreconditionProblem(
      'TOO_MANY_FACTORS',
      `an account has at most ${mostFactors} second factors; remove one first`,
    );
}

const tell = (
  tx: Transaction<TenantTables>,
  user: Person['user'],
  kind: MailKind,
  parameters: Readonly<Record<string, string>>,
  now: Date,
): Promise<void> => postMail(tx, { kind, email: user.email, subject: user.id, parameters }, now);

const newFactor = (id: string, userId: string, kind: FactorKind, name: string, now: Date): FactorRow => ({
  id,
  user_id: userId,
  kind,
  name,
  sealed_seed: null,
  old_sealed_seed: null,
  last_step: '0',
  credential_id: null,
  public_key: null,
  counter: '0',
  transports: [],
  created_at: now,
  confirmed_at: null,
  last_used_at: null,
});

import { Code } from '@connectrpc/connect';
import { FactorKind } from '@truffle/api/tenant/v1/factor';
import { ProofKind } from '@truffle/api/tenant/v1/session';
import { Role } from '@truffle/api/tenant/v1/account';
import { until } from '@truffle/testkit';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { challengeOf, emailOf, origin, password, refusal, startPeople, type People } from '../people.fixture.ts';
import { SoftwareAuthenticator } from './authenticator.fixture.ts';

let people: People;
const anybody = () => people.host.client();
const wrongProof = { code: Code.Unauthenticated, reason: 'WRONG_PROOF' };
const stepUpDue = { code: Code.PermissionDenied, reason: 'STEP_UP_REQUIRED' };

beforeAll(async () => {
  people = await startPeople();
});

afterAll(async () => people?.close());

/** The code of `secret` so many steps from now. */
const codeOf = (secret: string, steps = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });

/** Adds an authenticator app with the code of the step before, so that the one of now is still to be used. */
async function addTotp(token: string): Promise<{ secret: string; id: string; codes: readonly string[] }> {
  const client = people.host.client(token);
  const { factorId, secret } = await client.factors.startTotp({ name: 'phone' });
  const { recoveryCodes } = await client.factors.confirmTotp({ factorId, code: codeOf(secret, -1) });
  return { secret, id: factorId, codes: recoveryCodes };
}

const signIn = (name: string) => anybody().accounts.signIn({ email: emailOf(name), password });
const complete = (
  challenge: string,
  proof: Parameters<ReturnType<typeof anybody>['sessions']['completeSignIn']>[0]['proof'],
) => anybody().sessions.completeSignIn({ proof: { ...proof, challenge } });

/** Lets the session's last proof be eleven minutes ago. */
async function age(token: string): Promise<void> {
  const { sessions } = await people.host.client(token).sessions.listSessions({});
  const id = sessions.find((each) => each.current)?.id;
  await people.database.admin.query(
    `update tenant.session set authenticated_at = now() - interval '11 minutes' where id = $1`,
    [id],
  );
}

/** Forgets what the process knows of identities, as it does by itself within 5 s. */
const stale = (token: string, work: () => Promise<unknown>) =>
  until('the step-up is due', async () => {
    await age(token);
    const reason = await refusal(work()).then(
      (r) => r.reason,
      () => '',
    );
    return reason === 'STEP_UP_REQUIRED';
  });

describe('an authenticator app', () => {
  it('is asked for at sign-in, and each code counts once', async () => {
    const { token } = await people.signUp('ada');
    const { secret, codes } = await addTotp(token);
    expect(codes).toHaveLength(10);
    const challenge = await challengeOf(signIn('ada'));
    expect(challenge.kinds).toEqual([ProofKind.TOTP, ProofKind.RECOVERY_CODE]);
    expect(await refusal(complete(challenge.challenge, { proof: { case: 'totpCode', value: '000000' } }))).toEqual(
      wrongProof,
    );
    const proof = { proof: { case: 'totpCode', value: codeOf(secret) } } as const;
    const { sessionToken } = await complete(challenge.challenge, proof);
    expect((await people.host.client(sessionToken).accounts.whoAmI({})).user?.email).toBe(emailOf('ada'));
    expect(await refusal(complete(challenge.challenge, proof))).toEqual(wrongProof);
    expect(await refusal(complete((await challengeOf(signIn('ada'))).challenge, proof))).toEqual(wrongProof);
    await people.mail.arrived(emailOf('ada'), 'A second factor was added');
  });

  it('gives one session to one code in two calls at once', async () => {
    const { secret } = await addTotp((await people.signUp('bea')).token);
    const challenges = await Promise.all([challengeOf(signIn('bea')), challengeOf(signIn('bea'))]);
    const proof = { proof: { case: 'totpCode', value: codeOf(secret) } } as const;
    const outcomes = await Promise.allSettled(challenges.map(({ challenge }) => complete(challenge, proof)));
    expect(outcomes.map((each) => each.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('is closed to guessing, and heals', async () => {
    const { secret } = await addTotp((await people.signUp('cyd')).token);
    const guess = async () => {
      const { challenge } = await challengeOf(signIn('cyd'));
      return refusal(complete(challenge, { proof: { case: 'totpCode', value: '000000' } }));
    };
    for (let i = 0; i < 10; i++) expect(await guess()).toEqual(wrongProof);
    expect((await guess()).reason).toBe('TOO_MANY_ATTEMPTS');
    await people.database.admin.query(`update tenant.sign_in_attempt set since = since - interval '16 minutes'`);
    const { challenge } = await challengeOf(signIn('cyd'));
    await complete(challenge, { proof: { case: 'totpCode', value: codeOf(secret) } });
  });

  it('bears five wrong codes for one challenge', async () => {
    const { secret } = await addTotp((await people.signUp('dan')).token);
    const { challenge } = await challengeOf(signIn('dan'));
    for (let i = 0; i < 5; i++)
      expect(await refusal(complete(challenge, { proof: { case: 'totpCode', value: '000000' } }))).toEqual(wrongProof);
    expect(await refusal(complete(challenge, { proof: { case: 'totpCode', value: codeOf(secret) } }))).toEqual(
      wrongProof,
    );
  });

  it('ends sessions that were opened without it, and is nowhere in clear', async () => {
    const { token } = await people.signUp('eve');
    const other = await people.signIn('eve');
    const { secret, codes } = await addTotp(token);
    await people.ended(other);
    const { rows } = await people.database.admin.query<{ dump: string }>(
      `select concat((select json_agg(f) from tenant.factor f), (select json_agg(r) from tenant.recovery_code r), (select json_agg(e) from ledger.event e), (select json_agg(m) from tenant.mail m)) as dump`,
    );
    const seed = Buffer.from(Secret.fromBase32(secret).bytes);
    for (const clear of [secret, seed.toString('hex'), codes[0] ?? '-', (codes[0] ?? '-').replaceAll('-', '')])
      expect(rows[0]?.dump).not.toContain(clear);
  });

  it('that was begun by somebody else or too long ago is not confirmed', async () => {
    const { token } = await people.signUp('fay');
    const other = people.host.client((await people.signUp('gus')).token);
    const client = people.host.client(token);
    const { factorId, secret } = await client.factors.startTotp({ name: 'phone' });
    expect((await refusal(other.factors.confirmTotp({ factorId, code: codeOf(secret) }))).code).toBe(Code.NotFound);
    await people.database.admin.query(`update tenant.factor set created_at = now() - interval '16 minutes'`);
    expect((await refusal(client.factors.confirmTotp({ factorId, code: codeOf(secret) }))).code).toBe(Code.NotFound);
    await client.factors.startTotp({ name: 'phone' });
    expect((await client.factors.listFactors({})).factors).toEqual([]);
    await signIn('fay');
  });
});

describe('recovery codes', () => {
  it('stand in for a factor once each, however they are typed, until they are made anew', async () => {
    const { token } = await people.signUp('hal');
    const { codes } = await addTotp(token);
    const proofOf = (code: string) => ({ proof: { case: 'recoveryCode', value: code } }) as const;
    const [first = '', second = ''] = codes;
    const typed = first.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O');
    await complete((await challengeOf(signIn('hal'))).challenge, proofOf(typed));
    expect(await refusal(complete((await challengeOf(signIn('hal'))).challenge, proofOf(first)))).toEqual(wrongProof);
    const client = people.host.client(token);
    expect((await client.factors.listFactors({})).recoveryCodesLeft).toBe(9);
    const { recoveryCodes } = await client.factors.regenerateRecoveryCodes({});
    expect(await refusal(complete((await challengeOf(signIn('hal'))).challenge, proofOf(second)))).toEqual(wrongProof);
    await complete((await challengeOf(signIn('hal'))).challenge, proofOf(recoveryCodes[0] ?? ''));
  });

  it('are not to be had without a factor, and go with the last one', async () => {
    const { token } = await people.signUp('ian');
    const client = people.host.client(token);
    expect((await refusal(client.factors.regenerateRecoveryCodes({}))).reason).toBe('NO_SECOND_FACTOR');
    const { id } = await addTotp(token);
    await client.factors.deleteFactor({ factorId: id });
    await client.factors.deleteFactor({ factorId: id });
    expect((await client.factors.listFactors({})).recoveryCodesLeft).toBe(0);
    await signIn('ian');
    await people.mail.arrived(emailOf('ian'), 'A second factor was removed');
  });
});

describe('a passkey', () => {
  const add = async (token: string, device: SoftwareAuthenticator, odd = {}) => {
    const client = people.host.client(token);
    const { challenge, options } = await client.factors.startPasskey({ name: 'laptop' });
    return client.factors.confirmPasskey({ challenge, passkey: device.register(options, odd) });
  };

  it('is a second factor, and signs in alone', async () => {
    const { token, userId } = await people.signUp('jon');
    const device = new SoftwareAuthenticator(origin);
    const { factor, recoveryCodes } = await add(token, device);
    expect([factor?.kind, recoveryCodes.length]).toEqual([FactorKind.PASSKEY, 10]);
    const second = await challengeOf(signIn('jon'));
    expect(second.kinds).toEqual([ProofKind.PASSKEY, ProofKind.RECOVERY_CODE]);
    await complete(second.challenge, { proof: { case: 'passkey', value: device.authenticate(second.passkeyOptions) } });
    const { challenge: alone } = await anybody().sessions.startPasskeySignIn({});
    const proof = { proof: { case: 'passkey', value: device.authenticate(alone?.passkeyOptions) } } as const;
    const made = await complete(alone?.challenge ?? '', proof);
    expect(made.user?.id).toBe(userId);
    expect(await refusal(complete(alone?.challenge ?? '', proof))).toEqual(wrongProof);
  });

  it('is refused from another site, for another challenge, without the person where it is alone, and as a copy', async () => {
    const { token } = await people.signUp('kim');
    const device = new SoftwareAuthenticator(origin);
    await add(token, device);
    for (let i = 0; i < 2; i++) {
      const { challenge, passkeyOptions } = await challengeOf(signIn('kim'));
      await complete(challenge, { proof: { case: 'passkey', value: device.authenticate(passkeyOptions) } });
    }
    for (const odd of [
      { origin: 'https://truffle.example.evil.test' },
      { rpId: 'evil.test' },
      { challenge: 'AAAA' },
      { unverified: true },
      { counter: 1 },
    ]) {
      const { challenge } = await anybody().sessions.startPasskeySignIn({});
      const value = device.authenticate(challenge?.passkeyOptions, odd);
      const outcome = await refusal(complete(challenge?.challenge ?? '', { proof: { case: 'passkey', value } }));
      expect(outcome, JSON.stringify(odd)).toEqual(wrongProof);
      await people.database.admin.query('delete from tenant.sign_in_attempt');
    }
    const stranger = new SoftwareAuthenticator(origin);
    const { challenge } = await anybody().sessions.startPasskeySignIn({});
    const value = stranger.authenticate(challenge?.passkeyOptions);
    expect(await refusal(complete(challenge?.challenge ?? '', { proof: { case: 'passkey', value } }))).toEqual(
      wrongProof,
    );
    const own = new SoftwareAuthenticator(origin);
    for (const odd of [{ origin: 'https://evil.test' }, { rpId: 'evil.test' }, { challenge: 'AAAA' }])
      expect(await refusal(add(token, own, odd)), JSON.stringify(odd)).toEqual(wrongProof);
    expect(await refusal(people.host.client(token).factors.confirmPasskey({ challenge: 'x', passkey: {} }))).toEqual(
      wrongProof,
    );
  });

  it('of one person does not prove another', async () => {
    const { token } = await people.signUp('lea');
    const device = new SoftwareAuthenticator(origin);
    await add(token, device);
    const { token: other } = await people.signUp('max');
    await addTotp(other);
    await add(other, new SoftwareAuthenticator(origin));
    const { challenge, passkeyOptions } = await challengeOf(signIn('max'));
    const value = device.authenticate(passkeyOptions);
    expect(await refusal(complete(challenge, { proof: { case: 'passkey', value } }))).toEqual(wrongProof);
    expect((await refusal(add(other, device))).reason).toBe('ALREADY_EXISTS');
  });
});

describe('a dangerous action', () => {
  it('wants a fresh proof: the password of who has no second factor', async () => {
    const { token, orgId } = await people.signUp('mia');
    const client = people.host.client(token);
    const key = { scopeId: orgId, name: 'ci', role: Role.OWNER };
    const { secret } = await client.apiKeys.createApiKey(key);
    await stale(token, () => client.apiKeys.createApiKey(key));
    await people.host.client(secret).apiKeys.createApiKey(key);
    for (const work of [
      () => client.factors.startTotp({ name: 'phone' }),
      () => client.accounts.changePassword({ oldPassword: password, newPassword: 'another good one' }),
      () => client.addresses.changeAddress({ email: 'mia@new.example' }),
      () => client.members.setBinding({ scopeId: orgId, email: emailOf('ada'), role: Role.OWNER }),
      () => client.invitations.createInvitation({ scopeId: orgId, email: 'x@example.com', role: Role.OWNER }),
    ])
      expect(await refusal(work())).toEqual(stepUpDue);
    const { challenge } = await client.sessions.startStepUp({});
    expect(challenge?.kinds).toEqual([ProofKind.PASSWORD]);
    expect(await refusal(client.sessions.stepUp({ proof: { proof: { case: 'password', value: 'wrong' } } }))).toEqual(
      wrongProof,
    );
    const { sessionToken } = await client.sessions.stepUp({
      proof: { proof: { case: 'password', value: password } },
    });
    await people.host.client(sessionToken).apiKeys.createApiKey(key);
  });

  it('wants the second factor of who has one, and not the password', async () => {
    const { token } = await people.signUp('ned');
    const { secret, id } = await addTotp(token);
    const client = people.host.client(token);
    await stale(token, () => client.factors.regenerateRecoveryCodes({}));
    expect(await refusal(client.factors.deleteFactor({ factorId: id }))).toEqual(stepUpDue);
    expect(await refusal(client.sessions.stepUp({ proof: { proof: { case: 'password', value: password } } }))).toEqual(
      wrongProof,
    );
    const { challenge } = await client.sessions.startStepUp({});
    const proof = {
      challenge: challenge?.challenge ?? '',
      proof: { case: 'totpCode', value: codeOf(secret) },
    } as const;
    const { sessionToken } = await client.sessions.stepUp({ proof });
    await people.host.client(sessionToken).factors.deleteFactor({ factorId: id });
    await signIn('ned');
  });
});

describe('an organization that demands a second factor', () => {
  it('lets in who has one and keys, and tells the others what to do', async () => {
    const owner = await people.signUp('ola');
    const client = people.host.client(owner.token);
    const { orgId } = owner;
    expect((await refusal(client.organizations.requireSecondFactor({ orgId, required: true }))).reason).toBe(
      'NO_SECOND_FACTOR',
    );
    const { secret: key } = await client.apiKeys.createApiKey({ scopeId: orgId, name: 'ci', role: Role.OWNER });
    expect(
      (await refusal(people.host.client(key).organizations.requireSecondFactor({ orgId, required: true }))).reason,
    ).toBe('NO_SECOND_FACTOR');
    await client.invitations.createInvitation({ scopeId: orgId, email: emailOf('pia'), role: Role.ADMIN });
    const { token: link } = await people.mail.arrived(emailOf('pia'), 'Invitation');
    const made = await anybody().accounts.signUp({ email: emailOf('pia'), password, invitationToken: link });
    const member = people.host.client(made.sessionToken);
    await member.organizations.getOrganization({ orgId });
    const { id } = await addTotp(owner.token);
    const { organization } = await client.organizations.requireSecondFactor({ orgId, required: true });
    expect(organization?.secondFactorRequired).toBe(true);
    const due = { code: Code.PermissionDenied, reason: 'MFA_ENROLMENT_REQUIRED' };
    await until(
      'the member is asked for a second factor',
      async () =>
        (await refusal(member.organizations.getOrganization({ orgId })).catch(() => undefined))?.reason === due.reason,
    );
    expect(await refusal(member.workspaces.listWorkspaces({ orgId }))).toEqual(due);
    const { workspaces } = await client.workspaces.listWorkspaces({ orgId });
    expect(await refusal(member.workspaces.getWorkspace({ workspaceId: workspaces[0]?.id ?? '' }))).toEqual(due);
    expect((await member.organizations.listOrganizations({})).organizations.map((o) => o.id)).toEqual([orgId]);
    await people.host.client(key).organizations.getOrganization({ orgId });
    await addTotp(made.sessionToken);
    await until('the member is in', () =>
      member.organizations.getOrganization({ orgId }).then(
        () => true,
        () => false,
      ),
    );
    expect((await refusal(client.factors.deleteFactor({ factorId: id }))).reason).toBe('SECOND_FACTOR_DEMANDED');
  });
});

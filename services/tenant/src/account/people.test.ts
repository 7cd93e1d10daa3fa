import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, refusal, startPeople, type People } from '../people.fixture.ts';

let people: People;
const anybody = () => people.host.client();
const notGood = { code: Code.FailedPrecondition, reason: 'LINK_NOT_GOOD' };

beforeAll(async () => {
  people = await startPeople();
});

afterAll(async () => people?.close());

/** Waits until the courier has nothing left. */
const quiet = () =>
  until('the outbox is empty', async () => {
    const { rows } = await people.database.admin.query('select 1 from tenant.mail where ended_at is null');
    return rows.length === 0;
  });

describe('a sign-up', () => {
  it('makes the account only by the link and the password together, once', async () => {
    const email = emailOf('ada');
    const answer = await anybody().accounts.signUp({ email, password, orgName: 'ada' });
    expect([answer.verificationSent, answer.sessionToken, answer.user]).toEqual([true, '', undefined]);
    expect((await refusal(people.signIn('ada'))).reason).toBe('WRONG_CREDENTIALS');
    const { token } = await people.mail.arrived(email, 'Finish');
    expect((await refusal(anybody().addresses.completeSignUp({ token, password: 'not this one' }))).reason).toBe(
      'WRONG_CREDENTIALS',
    );
    const made = await anybody().addresses.completeSignUp({ token, password });
    expect(made.user?.emailVerified).toBe(true);
    const { bindings } = await people.host.client(made.sessionToken).accounts.whoAmI({});
    expect(bindings.map((b) => b.role)).toEqual([Role.OWNER]);
    expect(await refusal(anybody().addresses.completeSignUp({ token, password }))).toEqual(notGood);
    await people.signIn('ada');
  });

  it('answers alike for an address that has an account, and tells only its owner', async () => {
    await people.signUp('bea');
    const again = await anybody().accounts.signUp({ email: emailOf('bea'), password, orgName: 'bea-two' });
    const fresh = await anybody().accounts.signUp({ email: emailOf('bob'), password, orgName: 'bob' });
    expect(again).toEqual(fresh);
    const mail = await people.mail.arrived(emailOf('bea'), 'You have an account already');
    expect(mail.token).toBe('');
    const { rows } = await people.database.admin.query(`select 1 from tenant.organization where name = 'bea-two'`);
    expect(rows).toEqual([]);
  });

  it('is sent again, three times at most in a quarter of an hour', async () => {
    const email = emailOf('cyd');
    await anybody().accounts.signUp({ email, password, orgName: 'cyd' });
    const first = await people.mail.arrived(email, 'Finish');
    for (let i = 0; i < 6; i++) await anybody().addresses.resendVerification({ email });
    await quiet();
    const mails = people.mail.mails.filter((mail) => mail.to === email);
    expect(mails).toHaveLength(4);
    expect(new Set(mails.map((mail) => mail.token)).size).toBe(4);
    await anybody().addresses.completeSignUp({ token: first.token, password });
    expect(await refusal(anybody().addresses.completeSignUp({ token: mails[2]?.token ?? '', password }))).toMatchObject(
      { code: Code.Unauthenticated },
    );
    for (const each of ['nobody@example.com', email]) await anybody().addresses.resendVerification({ email: each });
    await quiet();
    expect(people.mail.mails.some((mail) => mail.to === 'nobody@example.com')).toBe(false);
  });

  it('is refused a password that is short, leaks, is easy or is made of the address or the organization', async () => {
    const wanted = { email: 'longname@example.com', orgName: 'acmecompany' };
    for (const weak of ['iloveyou123', 'P@ssw0rd2024!', 'longname@example.com', 'acmecompany12', 'aaaaaaaaaaaaaaaa'])
      expect(await refusal(anybody().accounts.signUp({ ...wanted, password: weak })), weak).toEqual({
        code: Code.InvalidArgument,
        reason: 'WEAK_PASSWORD',
      });
    expect((await refusal(anybody().accounts.signUp({ ...wanted, password: 'k9$fQ!x' }))).code).toBe(
      Code.InvalidArgument,
    );
  });
});

describe('a password reset', () => {
  it('is answered alike for every address, works once, ends every session and every older link', async () => {
    const { token: session } = await people.signUp('dan');
    const email = emailOf('dan');
    expect(await anybody().addresses.requestPasswordReset({ email })).toEqual(
      await anybody().addresses.requestPasswordReset({ email: 'nobody@example.com' }),
    );
    const older = await people.mail.arrived(email, 'Choose a new password');
    await anybody().addresses.requestPasswordReset({ email: email.toUpperCase() });
    await quiet();
    const newer = await people.mail.arrived(email, 'Choose a new password');
    const newPassword = 'another good one';
    expect(await refusal(anybody().addresses.resetPassword({ token: older.token, newPassword }))).toEqual(notGood);
    expect(
      (await refusal(anybody().addresses.resetPassword({ token: newer.token, newPassword: 'password123' }))).reason,
    ).toBe('WEAK_PASSWORD');
    await anybody().addresses.resetPassword({ token: newer.token, newPassword });
    expect(await refusal(anybody().addresses.resetPassword({ token: newer.token, newPassword }))).toEqual(notGood);
    await people.ended(session);
    expect((await refusal(people.signIn('dan'))).reason).toBe('WRONG_CREDENTIALS');
    await people.signIn('dan', newPassword);
    await people.mail.arrived(email, 'Your password has changed');
    expect(people.mail.mails.some((mail) => mail.to === 'nobody@example.com')).toBe(false);
  });

  it('does not take a link that has ended, or one that is for something else', async () => {
    await people.signUp('eve');
    await anybody().addresses.requestPasswordReset({ email: emailOf('eve') });
    const { token } = await people.mail.arrived(emailOf('eve'), 'Choose a new password');
    expect(await refusal(anybody().addresses.verifyAddress({ token }))).toEqual(notGood);
    await people.database.admin.query(`update tenant.link set expires_at = now() where email = $1`, [emailOf('eve')]);
    for (const each of [token, 'tft_nonsense', `${token}x`])
      expect(
        await refusal(anybody().addresses.resetPassword({ token: each, newPassword: 'another good one' })),
      ).toEqual(notGood);
  });

  it('opens the way back in to who was locked out by guesses', async () => {
    await people.signUp('fay');
    for (let i = 0; i < 11; i++) await refusal(people.signIn('fay', 'wrong'));
    expect((await refusal(people.signIn('fay'))).reason).toBe('TOO_MANY_ATTEMPTS');
    await people.database.admin.query(`update tenant.sign_in_attempt set since = since - interval '16 minutes'`);
    await people.signIn('fay');
  });
});

describe('a change of address', () => {
  it('asks both addresses, moves when the new one confirms, and is taken back by the old one', async () => {
    const { token: session } = await people.signUp('gus');
    await people.host.client(session).addresses.changeAddress({ email: 'gus@new.example' });
    const confirm = await people.mail.arrived('gus@new.example', 'Confirm your new address');
    const keep = await people.mail.arrived(emailOf('gus'), 'about to change');
    await anybody().addresses.confirmAddress({ token: confirm.token });
    await anybody().accounts.signIn({ email: 'gus@new.example', password });
    expect((await refusal(people.signIn('gus'))).reason).toBe('WRONG_CREDENTIALS');
    await anybody().addresses.keepAddress({ token: keep.token });
    await people.ended(session);
    await people.signIn('gus');
    expect(await refusal(anybody().addresses.confirmAddress({ token: confirm.token }))).toEqual(notGood);
  });

  it('to an address with an account tells only the owner of that address', async () => {
    await people.signUp('hal');
    const { token: session } = await people.signUp('ian');
    const client = people.host.client(session);
    expect(await client.addresses.changeAddress({ email: emailOf('hal') })).toEqual(
      await client.addresses.changeAddress({ email: 'free@example.com' }),
    );
    expect((await people.mail.arrived(emailOf('hal'), 'This address has an account')).token).toBe('');
  });
});

describe('an account whose address is not verified', () => {
  it('reaches nobody else until it is', async () => {
    const { token: session, orgId } = await people.signUp('kim');
    await people.database.admin.query(`update tenant.user set email_verified_at = null where email = $1`, [
      emailOf('kim'),
    ]);
    const client = people.host.client(session);
    const unverified = { code: Code.FailedPrecondition, reason: 'ADDRESS_NOT_VERIFIED' };
    for (const work of [
      () => client.organizations.createOrganization({ name: 'kim-two' }),
      () => client.apiKeys.createApiKey({ scopeId: orgId, name: 'k', role: Role.VIEWER }),
      () => client.invitations.createInvitation({ scopeId: orgId, email: 'x@example.com', role: Role.VIEWER }),
      () => client.organizations.requireSecondFactor({ orgId, required: true }),
    ])
      expect(await refusal(work())).toEqual(unverified);
    await anybody().addresses.resendVerification({ email: emailOf('kim') });
    const { token } = await people.mail.arrived(emailOf('kim'), 'Verify your address');
    await anybody().addresses.verifyAddress({ token });
    await client.organizations.createOrganization({ name: 'kim-two' });
  });
});

import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, refusal, startPeople, type People } from '../people.fixture.ts';

let people: People;
const anybody = () => people.host.client();
const notGood = { code: Code.NotFound, reason: 'CODE_NOT_GOOD' };

beforeAll(async () => {
  people = await startPeople();
});

afterAll(async () => people?.close());

/** As if the time between two polls were over. */
const wait = () =>
  people.database.admin.query(`update tenant.device_login set polled_at = polled_at - interval '2 minutes'`);

describe('a device sign-in', () => {
  it('opens one session when its person approves, who sees who asks', async () => {
    const { token, userId } = await people.signUp('ada');
    const begun = await anybody().devices.beginDeviceLogin({});
    expect(begun.userCode).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
    expect(begun.verificationUrlComplete).toBe(`https://truffle.example/device?code=${begun.userCode}`);
    const poll = () => anybody().devices.pollDeviceLogin({ deviceCode: begun.deviceCode });
    expect((await refusal(poll())).reason).toBe('AUTHORIZATION_PENDING');
    expect((await refusal(poll())).reason).toBe('SLOW_DOWN');
    const { devices } = people.host.client(token);
    const seen = await devices.getDeviceLogin({ userCode: begun.userCode.toLowerCase().replace('-', ' ') });
    expect(seen.address).toMatch(/127\.0\.0\.1|::1/);
    expect(seen.userAgent).toMatch(/connect/);
    await devices.approveDeviceLogin({ userCode: begun.userCode });
    expect(await refusal(devices.approveDeviceLogin({ userCode: begun.userCode }))).toEqual(notGood);
    const polls = await Promise.allSettled([poll(), poll(), poll()]);
    const opened = polls.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(opened.map((each) => each.user?.id)).toEqual([userId]);
    await people.host.client(opened[0]?.sessionToken).accounts.whoAmI({});
    expect(await refusal(poll())).toEqual(notGood);
    const { rows } = await people.database.admin.query('select * from tenant.device_login');
    expect(rows).toEqual([]);
  });

  it('is refused by its person, ends in time, and is not approved by a key', async () => {
    const { token } = await people.signUp('bea');
    const { devices } = people.host.client(token);
    const begun = await anybody().devices.beginDeviceLogin({});
    await devices.denyDeviceLogin({ userCode: begun.userCode });
    const poll = () => anybody().devices.pollDeviceLogin({ deviceCode: begun.deviceCode });
    expect((await refusal(poll())).reason).toBe('LOGIN_DENIED');
    expect(await refusal(poll())).toEqual(notGood);
    const late = await anybody().devices.beginDeviceLogin({});
    await people.database.admin.query('update tenant.device_login set expires_at = now()');
    expect(await refusal(devices.approveDeviceLogin({ userCode: late.userCode }))).toEqual(notGood);
    expect(await refusal(anybody().devices.pollDeviceLogin({ deviceCode: late.deviceCode }))).toEqual(notGood);
    expect((await refusal(anybody().devices.approveDeviceLogin({ userCode: late.userCode }))).code).toBe(
      Code.Unauthenticated,
    );
    for (const deviceCode of ['tfd_x', token, 'x'.repeat(128)])
      expect(await refusal(anybody().devices.pollDeviceLogin({ deviceCode }))).toEqual(notGood);
  });

  it('opens no more than the session that approved it has, and no dangerous action by an old proof', async () => {
    const { token } = await people.signUp('cyd');
    const { orgId } = await people.signUp('dan');
    await people.database.admin.query(
      `update tenant.session set authenticated_at = now() - interval '1 hour', confined_to = $1
       where user_id = (select id from tenant.user where email = $2)`,
      [orgId, emailOf('cyd')],
    );
    const begun = await anybody().devices.beginDeviceLogin({});
    await people.host.client(token).devices.approveDeviceLogin({ userCode: begun.userCode });
    const { sessionToken } = await anybody().devices.pollDeviceLogin({ deviceCode: begun.deviceCode });
    const api = people.host.client(sessionToken);
    expect((await refusal(api.sessions.listSessions({}))).reason).toBe('SESSION_CONFINED');
    expect((await refusal(api.accounts.changePassword({ oldPassword: 'x', newPassword: 'xxxxxxxxxxx' }))).reason).toBe(
      'STEP_UP_REQUIRED',
    );
  });

  it('keeps guesses of codes few, and slows down who polls', async () => {
    const { token } = await people.signUp('eve');
    const { devices } = people.host.client(token);
    const begun = await anybody().devices.beginDeviceLogin({});
    for (let i = 0; i < 10; i++)
      expect(await refusal(devices.getDeviceLogin({ userCode: 'BCDF-GHJK' }))).toEqual(notGood);
    for (const userCode of ['BCDF-GHJK', begun.userCode])
      expect((await refusal(devices.getDeviceLogin({ userCode }))).reason).toBe('TOO_MANY_ATTEMPTS');
    const poll = () => anybody().devices.pollDeviceLogin({ deviceCode: begun.deviceCode });
    for (const reason of ['AUTHORIZATION_PENDING', 'SLOW_DOWN', 'SLOW_DOWN'])
      expect((await refusal(poll())).reason).toBe(reason);
    await wait();
    expect((await refusal(poll())).reason).toBe('AUTHORIZATION_PENDING');
  });
});

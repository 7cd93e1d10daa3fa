import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, reasonOf, refusal, startPeople, type People } from '../people.fixture.ts';

let people: People;

beforeAll(async () => {
  people = await startPeople();
}, 120_000);

afterAll(() => people?.close(), 60_000);

const client = (token?: string) => people.host.client(token);
const proof = { proof: { case: 'password', value: password } } as const;
const sessionsOf = async (token: string) => (await client(token).sessions.listSessions({})).sessions;

/** Lets the last proof of every session be an hour ago; it is known when `work` is refused for it. */
const tire = (work: () => Promise<unknown>) =>
  until('a proof is due', async () => {
    await people.database.admin.query(`update tenant.session set authenticated_at = now() - interval '1 hour'`);
    return (await reasonOf(work())) === 'STEP_UP_REQUIRED';
  });

/** Asks as a page of the product would, with what its browser keeps. */
async function asBrowser(path: string, cookie: string, body: object): Promise<{ status: number; cookie: string }> {
  const answer = await fetch(`${people.host.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'truffle-session': 'cookie',
      'sec-fetch-site': 'same-origin',
      cookie,
    },
    body: JSON.stringify(body),
  });
  expect(await answer.text()).not.toContain('tfs_');
  return { status: answer.status, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' };
}

describe('a fresh proof', () => {
  it('gives the session another token; the one before opens nothing dangerous and ends within seconds', async () => {
    const { token, orgId } = await people.signUp('ada');
    const key = { scopeId: orgId, name: 'ci', role: Role.VIEWER };
    await tire(() => client(token).apiKeys.createApiKey(key));
    const [before] = await sessionsOf(token);
    const { sessionToken, expiresAt } = await client(token).sessions.stepUp({ proof });
    expect(sessionToken).toMatch(/^tfs_[0-9A-Za-z]{49}$/);
    expect(sessionToken).not.toBe(token);
    await client(sessionToken).apiKeys.createApiKey(key);
    // It stays itself, in the list too, and lives no longer.
    const after = await sessionsOf(sessionToken);
    expect(after.map((each) => [each.id, each.current])).toEqual([[before?.id, true]]);
    expect(expiresAt).toEqual(before?.expiresAt);
    // What was under way goes on for a moment, as little trusted as it was.
    expect((await refusal(client(token).apiKeys.createApiKey(key))).reason).toBe('STEP_UP_REQUIRED');
    await people.ended(token);
    await client(sessionToken).accounts.whoAmI({});
  }, 60_000);

  it('is given once: of two with one token at once the second has to sign in anew', async () => {
    const { token } = await people.signUp('bea');
    const both = await Promise.allSettled([
      client(token).sessions.stepUp({ proof }),
      client(token).sessions.stepUp({ proof }),
    ]);
    const made = both.filter((each) => each.status === 'fulfilled');
    expect(made).toHaveLength(1);
    const [refused] = both.filter((each) => each.status === 'rejected');
    expect(await refusal(Promise.reject(refused?.reason))).toEqual({
      code: Code.Unauthenticated,
      reason: 'TOKEN_REPLACED',
    });
    await client(made[0]?.value.sessionToken).accounts.whoAmI({});
  });

  it('puts the new token where the browser keeps it', async () => {
    await people.signUp('cyd');
    const { cookie } = await asBrowser('/truffle.tenant.v1.AccountService/SignIn', '', {
      email: emailOf('cyd'),
      password,
    });
    const proven = await asBrowser('/truffle.tenant.v1.SessionService/StepUp', cookie, { proof: { password } });
    expect(proven.status).toBe(200);
    expect(proven.cookie).toMatch(/^truffle-session=tfs_/);
    expect(proven.cookie).not.toBe(cookie);
  });
});

describe('a sign-in', () => {
  it('ends the session that its browser had, of whomever', async () => {
    const { token } = await people.signUp('dan');
    const { token: other } = await people.signUp('eve');
    const first = await asBrowser('/truffle.tenant.v1.AccountService/SignIn', '', { email: emailOf('dan'), password });
    const again = await asBrowser('/truffle.tenant.v1.AccountService/SignIn', first.cookie, {
      email: emailOf('dan'),
      password,
    });
    await people.ended(first.cookie.split('=')[1] ?? '');
    expect(await sessionsOf(token)).toHaveLength(2);
    const somebody = await asBrowser('/truffle.tenant.v1.AccountService/SignIn', again.cookie, {
      email: emailOf('eve'),
      password,
    });
    await people.ended(again.cookie.split('=')[1] ?? '');
    expect(await sessionsOf(token)).toHaveLength(1);
    expect(somebody.status).toBe(200);
    expect(await sessionsOf(other)).toHaveLength(2);
  });

  it('that failed ends none, nor does one that another site’s page began', async () => {
    const { token } = await people.signUp('fay');
    const first = await asBrowser('/truffle.tenant.v1.AccountService/SignIn', '', { email: emailOf('fay'), password });
    const failed = await asBrowser('/truffle.tenant.v1.AccountService/SignIn', first.cookie, {
      email: emailOf('fay'),
      password: 'wrong',
    });
    expect(failed.status).toBe(401);
    await fetch(`${people.host.url}/truffle.tenant.v1.AccountService/SignIn`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site', cookie: first.cookie },
      body: JSON.stringify({ email: emailOf('fay'), password }),
    });
    expect(await sessionsOf(token)).toHaveLength(3);
  });

  it('ends the session whose token came along with it', async () => {
    const { token } = await people.signUp('gil');
    const made = await client(token).accounts.signIn({ email: emailOf('gil'), password });
    await people.ended(token);
    expect((await sessionsOf(made.sessionToken)).map((each) => each.current)).toEqual([true]);
  });
});

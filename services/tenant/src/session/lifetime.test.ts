import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPeople, type People } from '../people.fixture.ts';

let people: People;

beforeAll(async () => {
  people = await startPeople();
}, 120_000);

afterAll(() => people?.close(), 60_000);

const codeOf = (token: string): Promise<Code | undefined> =>
  people.host
    .client(token)
    .accounts.whoAmI({})
    .then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );

/** Moves what a person's newest session remembers; nobody has asked about its token yet. */
const age = (change: string) =>
  people.database.admin.query(
    `update tenant.session set ${change} where id = (select id from tenant.session order by created_at desc limit 1)`,
  );

describe('an installation', () => {
  it('begins without an account', async () => {
    const { rows } = await people.database.admin.query<{ n: string }>('select count(*) as n from tenant.user');
    expect(rows).toEqual([{ n: '0' }]);
    for (const email of ['admin@example.com', 'root@localhost.example', 'truffle@truffle.dev'])
      for (const word of ['admin', 'password', 'truffle'])
        await expect(people.host.client().accounts.signIn({ email, password: word })).rejects.toMatchObject({
          code: Code.Unauthenticated,
        });
  });
});

describe('a session', () => {
  it('has a token of its own for each sign-in, of 256 random bits, and its digest alone is kept', async () => {
    const { token } = await people.signUp('ada');
    const tokens = [token];
    for (let i = 0; i < 5; i++) tokens.push(await people.signIn('ada'));
    expect(new Set(tokens).size).toBe(6);
    for (const each of tokens) expect(each).toMatch(/^tfs_[0-9A-Za-z]{49}$/);
    // No two have a longer beginning in common than chance gives.
    const bodies = tokens.map((each) => each.slice(4, 47));
    expect(new Set(bodies.map((body) => body.slice(0, 8))).size).toBe(6);
    const { rows } = await people.database.admin.query<{ all: string }>(
      'select string_agg(s::text, $1) as all from tenant.session s',
      ['\n'],
    );
    for (const each of tokens) expect(rows[0]?.all).not.toContain(each.slice(4, 47));
  });

  it('ends 30 days after its sign-in, however much it is used', async () => {
    const { rows } = await people.database.admin.query<{ days: string }>(
      `select extract(day from max(expires_at - created_at)) as days from tenant.session`,
    );
    expect(Number(rows[0]?.days)).toBe(30);
    const token = await people.signIn('ada');
    await age(`expires_at = now() - interval '1 second', last_seen_at = now()`);
    expect(await codeOf(token)).toBe(Code.Unauthenticated);
  });

  it('ends 7 days after its last use', async () => {
    const kept = await people.signIn('ada');
    await age(`last_seen_at = now() - interval '6 days 23 hours'`);
    expect(await codeOf(kept)).toBeUndefined();
    const idle = await people.signIn('ada');
    await age(`last_seen_at = now() - interval '7 days 1 second'`);
    expect(await codeOf(idle)).toBe(Code.Unauthenticated);
  });

  it('is known by its header alone: a token in the address or in the body is nobody’s', async () => {
    const token = await people.signIn('ada');
    const ask = (path: string, init: RequestInit = {}) => fetch(`${people.host.url}${path}`, init);
    for (const name of ['token', 'access_token', 'session_token', 'authorization', 'api_key'])
      expect((await ask(`/v1/account?${name}=${token}`)).status, name).not.toBe(200);
    const rpc = '/truffle.tenant.v1.AccountService/WhoAmI';
    const json = { 'content-type': 'application/json' };
    for (const body of ['{}', JSON.stringify({ sessionToken: token })])
      expect(
        (await ask(`${rpc}?authorization=Bearer%20${token}`, { method: 'POST', headers: json, body })).status,
      ).not.toBe(200);
    expect(await codeOf(token)).toBeUndefined();
  });
});

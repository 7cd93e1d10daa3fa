import { createHook, type AsyncHook } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, startPeople, type People } from '../people.fixture.ts';

let people: People;
let hashes = 0;
let hook: AsyncHook;

beforeAll(async () => {
  people = await startPeople();
  await people.signUp('leo');
  // Node tells of each job that it gives to its thread pool: one of these is one hash.
  hook = createHook({ init: (_id, type) => void (type.startsWith('ARGON2') && hashes++) }).enable();
}, 120_000);

afterAll(async () => {
  hook?.disable();
  await people?.close();
}, 60_000);

const known = emailOf('leo');
const unknown = 'nobody-here@example.com';
const anybody = () => people.host.client();

interface Work {
  readonly hashes: number;
  /** Mails that were written for the address, by kind. */
  readonly mails: number;
  readonly attempts: number;
  readonly code: unknown;
}

/** What a call made the service do for an address. */
async function workOf(call: (email: string) => Promise<unknown>, email: string): Promise<Work> {
  const count = async (table: string): Promise<number> => {
    const { rows } = await people.database.admin.query<{ n: string }>(`select count(*) as n from ${table}`);
    return Number(rows[0]?.n);
  };
  await people.database.admin.query('delete from tenant.sign_in_attempt');
  const [before, mails] = [hashes, await count('tenant.mail')];
  const code = await call(email).then(
    () => 'answered',
    (error: { code?: unknown; rawMessage?: unknown }) => `${String(error.code)} ${String(error.rawMessage)}`,
  );
  return {
    hashes: hashes - before,
    mails: (await count('tenant.mail')) - mails,
    attempts: await count('tenant.sign_in_attempt'),
    code,
  };
}

describe('the work that a call makes', () => {
  it.each<[string, (email: string) => Promise<unknown>, Partial<Work>]>([
    ['a sign-in: one hash', (email) => anybody().accounts.signIn({ email, password: 'wrong password' }), { hashes: 1 }],
    [
      'a sign-up: one hash',
      (email) => anybody().accounts.signUp({ email, password, orgName: 'leo-three' }),
      { hashes: 1, mails: 1 },
    ],
    [
      'a forgotten password: one mail',
      (email) => anybody().addresses.requestPasswordReset({ email }),
      { hashes: 0, mails: 1 },
    ],
    [
      'a link that was lost: one mail',
      (email) => anybody().addresses.resendVerification({ email }),
      { hashes: 0, mails: 1 },
    ],
  ])('is the same whether an address has an account, at %s', async (_which, call, expected) => {
    // The first hash of a process also makes the one that stands for nobody's.
    await workOf(call, unknown);
    const [there, nobody] = [await workOf(call, known), await workOf(call, unknown)];
    expect(there).toEqual(nobody);
    expect(there).toMatchObject(expected);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProvider, type TestProvider } from './provider.fixture.ts';
import { startSso, type SsoWorld } from './sso.fixture.ts';
import { refusal } from '../people.fixture.ts';

let world: SsoWorld;
let provider: TestProvider;

beforeAll(async () => {
  world = await startSso();
  provider = await startProvider('https://truffle.example/sso/callback');
});

afterAll(async () => {
  await provider?.close();
  await world?.close();
});

describe('a certified provider', () => {
  it('signs a person in, whose address comes from its user-info endpoint, and asks anew when that is wanted', async () => {
    const owner = await world.people.signUp('ada');
    const { url: issuer, clientId, clientSecret } = provider;
    const connection = await world.connect(owner, { issuer, clientId, clientSecret });
    await world.prove(owner, connection.id, 'ada.example');
    const { sso } = world.people.host.client();
    const by = { case: 'connectionId', value: connection.id } as const;
    for (const fresh of [false, true]) {
      const { url, binding } = await sso.beginSignIn({ by, fresh });
      const opened = await sso.finishSignIn({ ...(await provider.signIn(url, 'bea')), binding });
      expect(opened.user?.email).toBe('bea@ada.example');
      const who = await world.people.host.client(opened.sessionToken).accounts.whoAmI({});
      expect(who.bindings.map((b) => b.orgId)).toEqual([owner.orgId]);
    }
    const begun = await sso.beginSignIn({ by });
    const answer = await provider.signIn(begun.url, 'bea');
    const wrong = { ...answer, code: `${answer.code}x`, binding: begun.binding };
    expect((await refusal(sso.finishSignIn(wrong))).reason).toBe('TOKEN_NOT_GOOD');
  });
});

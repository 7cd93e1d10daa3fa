import { Code } from '@connectrpc/connect';
import { eventsOrdered } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, refusal, startPeople, type People } from '../people.fixture.ts';

let people: People;

beforeAll(async () => {
  people = await startPeople();
});

afterAll(async () => people?.close());

/** Signs in over REST as another program. */
async function signInAs(name: string, program: string): Promise<string> {
  const answer = await fetch(`${people.host.url}/v1/account:signIn`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': program },
    body: JSON.stringify({ email: emailOf(name), password }),
  });
  return ((await answer.json()) as { readonly sessionToken: string }).sessionToken;
}

describe('sessions', () => {
  it('are listed with where they came from, page by page, and end one by one or all others at once', async () => {
    const { token } = await people.signUp('ada');
    const client = people.host.client(token);
    const others = [await signInAs('ada', 'phone/1'), await signInAs('ada', 'phone/1'), await signInAs('ada', 'tv/2')];
    const { sessions } = await client.sessions.listSessions({});
    expect(sessions.map((each) => [each.userAgent.split('/')[0], each.current])).toEqual([
      ['tv', false],
      ['phone', false],
      ['phone', false],
      [expect.stringMatching(/connect/), true],
    ]);
    expect(sessions[0]?.address).toMatch(/127\.0\.0\.1|::1/);
    const first = await client.sessions.listSessions({ page: { size: 3 } });
    const rest = await client.sessions.listSessions({ page: { size: 3, token: first.page?.next ?? '' } });
    expect([...first.sessions, ...rest.sessions].map((each) => each.id)).toEqual(sessions.map((each) => each.id));
    await client.sessions.revokeSession({ sessionId: sessions[0]?.id ?? '' });
    await client.sessions.revokeSession({ sessionId: sessions[0]?.id ?? '' });
    await people.ended(others[2] ?? '');
    expect((await client.sessions.revokeOtherSessions({})).ended).toBe(2);
    await Promise.all(others.map((each) => people.ended(each)));
    expect((await client.sessions.listSessions({})).sessions).toHaveLength(1);
  });

  it('of somebody else are not there', async () => {
    const { token } = await people.signUp('bea');
    const { token: other } = await people.signUp('cyd');
    const { sessions } = await people.host.client(token).sessions.listSessions({});
    const work = people.host.client(other).sessions.revokeSession({ sessionId: sessions[0]?.id ?? '' });
    expect((await refusal(work)).code).toBe(Code.NotFound);
    await people.host.client(token).accounts.whoAmI({});
  });

  it('from a new program or address are told by mail and event, once', async () => {
    const { token, orgId } = await people.signUp('dan');
    await signInAs('dan', 'phone/1');
    await signInAs('dan', 'phone/1');
    const mail = await people.mail.arrived(emailOf('dan'), 'New sign-in');
    expect(mail.text).toContain('phone/1');
    await eventsOrdered(people.database, orgId);
    const { events } = await people.host.client(token).events.listEvents({ orgId });
    expect(events.filter((each) => each.type === 'dev.truffle.account.new_device.v1')).toHaveLength(1);
    expect(people.mail.mails.filter((each) => each.to === emailOf('dan') && /sign-in/.test(each.subject))).toHaveLength(
      1,
    );
  });
});

import { OutgoingClient } from '@truffle/outgoing';
import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, refusal } from '../people.fixture.ts';
import { startSso, type SsoWorld } from '../sso/sso.fixture.ts';
import { forgeries } from './forged.fixture.ts';
import { Issuers } from './issuers.ts';

let world: SsoWorld;
const client = (token?: string) => world.people.host.client(token);

beforeAll(async () => {
  world = await startSso();
});

afterAll(async () => world?.close());

describe('forged tokens', () => {
  it('are none of them exchanged', async () => {
    const owner = await world.people.signUp('ada');
    const good = { aud: 'truffle.example', sub: 'repo:acme/web:ref:refs/heads/main' };
    const { trust } = await client(owner.token).trusts.createTrust({
      scopeId: owner.orgId,
      name: 'CI',
      issuer: world.issuer.url,
      audience: good.aud,
      conditions: [{ claim: 'sub', pattern: good.sub }],
      role: Role.VIEWER,
    });
    const trustId = trust?.id ?? '';
    const forged = await forgeries(world.issuer, good);
    expect(forged.length).toBeGreaterThan(110);
    for (const [name, subjectToken] of forged) {
      const { code } = await refusal(client().trusts.exchangeToken({ trustId, subjectToken }));
      // What is longer than any token is refused by the contract, before it is looked at.
      expect(code, name).toBe(subjectToken.length > 8192 ? Code.InvalidArgument : Code.Unauthenticated);
    }
    await client().trusts.exchangeToken({ trustId, subjectToken: await world.issuer.sign(good) });
    expect(world.issuer.asked).not.toContain('/stranger');
  });

  it('are none of them a bearer of the API', async () => {
    const owner = await world.people.signUp('bea');
    const connection = await world.connect(owner, { bearer: true });
    await world.prove(owner, connection.id, 'example.com');
    const good = { aud: connection.id, sub: 'bea-there', typ: 'Bearer', email: emailOf('bea'), email_verified: true };
    const forged = await forgeries(world.issuer, good);
    const asKeycloak = [
      ['an identity token', await world.issuer.sign({ ...good, typ: 'ID' })],
      ['a refresh token', await world.issuer.sign({ ...good, typ: 'Refresh' })],
      ['of no type', await world.issuer.sign({ ...good, typ: undefined })],
      ['for the sign-in client', await world.issuer.sign({ ...good, aud: world.issuer.clientId })],
    ] as const;
    for (const [name, token] of [...forged, ...asKeycloak]) {
      const answer = await fetch(`${world.people.host.url}/v1/account`, {
        headers: { authorization: `Bearer ${token.replaceAll(/[^\x20-\x7e]/g, '')}` },
      }).catch(() => ({ status: 400 }));
      // Blanks around a header's value are none of it: the two tokens that have only that are good ones.
      if (!/blank before|line break/.test(name)) expect([name, answer.status]).toEqual([name, 401]);
    }
    const who = await client(await world.issuer.sign(good)).accounts.whoAmI({});
    expect(who.user?.id).toBe(owner.userId);
  });
});

describe('an issuer', () => {
  it('whose keys rotate is asked again for an unknown one, but not for every forgery', async () => {
    const { issuer } = world;
    const wait = {
      client: new OutgoingClient({ allow: ['127.0.0.1'] }),
      plainHosts: ['127.0.0.1'],
      now: () => new Date(),
    };
    const claims = { aud: 'a', sub: 's' };
    const slow = new Issuers(wait);
    await slow.verify(await issuer.sign(claims), issuer.url, 'a');
    const quick = new Issuers({ ...wait, cooldownMs: 0 });
    await quick.verify(await issuer.sign(claims), issuer.url, 'a');
    const old = await issuer.sign(claims);
    await issuer.rotate();
    await quick.verify(await issuer.sign(claims), issuer.url, 'a');
    await expect(quick.verify(old, issuer.url, 'a')).rejects.toMatchObject({ reason: 'TOKEN_NOT_GOOD' });
    const before = issuer.asked.filter((path) => path === '/keys').length;
    for (let i = 0; i < 20; i++)
      await expect(slow.verify(await issuer.sign(claims), issuer.url, 'a')).rejects.toMatchObject({
        reason: 'TOKEN_NOT_GOOD',
      });
    expect(issuer.asked.filter((path) => path === '/keys').length - before).toBe(0);
  });
});

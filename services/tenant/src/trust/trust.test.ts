import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../people.fixture.ts';
import { startSso, type Owner, type SsoWorld } from '../sso/sso.fixture.ts';
import { matches, namesWorkload } from './condition.ts';

let world: SsoWorld;
let owner: Owner;
const client = (token?: string) => world.people.host.client(token);

beforeAll(async () => {
  world = await startSso();
  owner = await world.people.signUp('ada');
});

afterAll(async () => world?.close());

const workload = {
  aud: 'truffle.example',
  sub: 'repo:acme/web:ref:refs/heads/main',
  repository: 'acme/web',
  environment: 'production',
};

const trust = async (more: object = {}) => {
  const { trust: made } = await client(owner.token).trusts.createTrust({
    scopeId: owner.orgId,
    name: 'CI',
    issuer: world.issuer.url,
    audience: workload.aud,
    conditions: [
      { claim: 'sub', pattern: 'repo:acme/web:*' },
      { claim: 'environment', pattern: 'production' },
    ],
    role: Role.OPERATOR,
    lifetimeSeconds: 600,
    ...more,
  });
  if (made === undefined) throw new Error('no trust was made');
  return made;
};

const exchange = async (trustId: string, claims: object = workload) =>
  client().trusts.exchangeToken({ trustId, subjectToken: await world.issuer.sign({ ...claims }) });

const notGood = { code: Code.Unauthenticated, reason: 'TOKEN_NOT_GOOD' };

describe('a workload', () => {
  it('gets a token for its issuer’s, which is what the trust says, is listed, told and revoked', async () => {
    const made = await trust();
    const { accessToken, expiresAt } = await exchange(made.id);
    expect(accessToken).toMatch(/^tfw_/);
    const left = Number(expiresAt?.seconds) - Date.now() / 1000;
    expect(left).toBeGreaterThan(550);
    expect(left).toBeLessThan(610);
    const who = await client(accessToken).accounts.whoAmI({});
    expect([who.trust?.id, who.bindings[0]?.role, who.bindings[0]?.scopeId]).toEqual([
      made.id,
      Role.OPERATOR,
      owner.orgId,
    ]);
    await client(accessToken).organizations.getOrganization({ orgId: owner.orgId });
    for (const work of [
      client(accessToken).apiKeys.createApiKey({ scopeId: owner.orgId, name: 'x', role: Role.VIEWER }),
      client(accessToken).trusts.listTrusts({ orgId: owner.orgId }),
    ])
      expect((await refusal(work)).code).toBe(Code.PermissionDenied);
    const { trusts, events } = client(owner.token);
    const { tokens } = await trusts.listWorkloadTokens({ trustId: made.id });
    expect(tokens.map((each) => each.subject)).toEqual([workload.sub]);
    const { rows } = await world.people.database.admin.query('select * from tenant.workload_token');
    expect(JSON.stringify(rows)).not.toContain(accessToken);
    await trusts.revokeWorkloadToken({ trustId: made.id, tokenId: tokens[0]?.id ?? '' });
    await world.people.ended(accessToken);
    const second = await exchange(made.id);
    await trusts.revokeTrust({ trustId: made.id });
    await world.people.ended(second.accessToken);
    expect(await refusal(exchange(made.id))).toEqual(notGood);
    const types = (await events.listEvents({ orgId: owner.orgId })).events.map((each) => each.type);
    for (const type of ['trust.created', 'workload_token.issued', 'workload_token.revoked', 'trust.revoked'])
      expect(types, type).toContain(`dev.truffle.${type}.v1`);
  });

  it('is refused when a condition does not hold, alike for each', async () => {
    const made = await trust();
    for (const wrong of [
      { sub: 'repo:acme/web-evil:ref:refs/heads/main' },
      { sub: 'repo:acme/webs' },
      { sub: 'xrepo:acme/web:ref' },
      { environment: 'staging' },
      { environment: undefined },
      { environment: ['production', 'staging'] },
      { environment: { toString: 'production' } },
      { aud: 'other' },
      { aud: undefined },
      { iss: 'https://token.actions.githubusercontent.com' },
      { iss: `${world.issuer.url}/` },
    ])
      expect(await refusal(exchange(made.id, { ...workload, ...wrong })), JSON.stringify(wrong)).toEqual(notGood);
    expect(await refusal(exchange('tru_00000000000000000000000000'))).toEqual(notGood);
    await exchange(made.id, { ...workload, aud: ['x', workload.aud] });
  });

  it('is trusted only by its name, and with no more than its maker has', async () => {
    for (const conditions of [
      [{ claim: 'environment', pattern: 'production' }],
      [{ claim: 'sub', pattern: '*' }],
      [{ claim: 'sub', pattern: 'repo:*' }],
      [{ claim: 'sub', pattern: 'repo:ac*' }],
      [{ claim: 'repository_owner', pattern: 'acme' }],
    ])
      expect((await refusal(trust({ conditions }))).code, JSON.stringify(conditions)).toBe(Code.InvalidArgument);
    for (const wrong of [{ role: Role.OWNER }, { lifetimeSeconds: 3601 }, { issuer: 'https://169.254.169.254' }])
      expect((await refusal(trust(wrong))).code, JSON.stringify(wrong)).toBe(Code.InvalidArgument);
    const other = await world.people.signUp('bob');
    const made = await trust();
    expect((await refusal(client(other.token).trusts.revokeTrust({ trustId: made.id }))).code).toBe(Code.NotFound);
    expect((await refusal(client(other.token).trusts.listWorkloadTokens({ trustId: made.id }))).code).toBe(
      Code.NotFound,
    );
  });
});

describe('a condition', () => {
  it.each([
    ['a*c', 'abc', true],
    ['a*c', 'ac', true],
    ['a*c', 'a', false],
    ['ab*ba', 'aba', false],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'aXcYb', false],
    ['a*a*a', 'aa', false],
    ['abc', 'abcd', false],
    ['*', '', true],
    ['a.c', 'abc', false],
  ])('%s and %s: %s', (pattern, value, expected) => {
    expect(matches(pattern, value)).toBe(expected);
  });

  it.each([
    ['sub', 'repo:acme/web:ref:refs/heads/main', true],
    ['sub', 'repo:acme/*', true],
    ['sub', 'repo:/*', false],
    ['sub', '::*', false],
    ['sub', 'repo:acme*', false],
    ['sub', 'system:serviceaccount:ci:*', true],
    ['repository', 'acme/*', true],
    ['repository', 'acme*', false],
    ['repository', '/*', false],
    ['ref', 'refs/heads/main', false],
  ])('%s = %s names a workload: %s', (claim, pattern, expected) => {
    expect(namesWorkload({ claim, pattern })).toBe(expected);
  });
});

import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { eventsOrdered } from '@truffle/testkit';
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
    const wanted = ['trust.created', 'workload_token.issued', 'workload_token.revoked', 'trust.revoked'];
    await eventsOrdered(world.people.database, owner.orgId);
    const types = (await events.listEvents({ orgId: owner.orgId })).events.map((each) => each.type);
    expect(types).toEqual(expect.arrayContaining(wanted.map((type) => `dev.truffle.${type}.v1`)));
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

  it('acts as a service account: with its roles, under its name, and no longer than it is there and enabled', async () => {
    const { serviceAccounts, members, events, access } = client(owner.token);
    const account = async (name: string) =>
      (await serviceAccounts.createServiceAccount({ orgId: owner.orgId, name })).serviceAccount?.id ?? '';
    const ci = await account('ci');
    const asCi = { role: Role.UNSPECIFIED, serviceAccountId: ci };
    const made = await trust(asCi);
    const { accessToken } = await exchange(made.id);
    const read = () => client(accessToken).organizations.getOrganization({ orgId: owner.orgId });
    expect((await refusal(read())).code).toBe(Code.NotFound);
    await members.setBinding({ scopeId: owner.orgId, subject: `service_account:${ci}`, role: Role.ADMIN });
    await expect
      .poll(
        () =>
          read().then(
            () => 'read',
            () => 'refused',
          ),
        { timeout: 10_000 },
      )
      .toBe('read');
    const who = await client(accessToken).accounts.whoAmI({});
    expect([who.serviceAccount?.name, who.trust, who.bindings.map((each) => each.role)]).toEqual([
      'ci',
      undefined,
      [Role.ADMIN],
    ]);
    await access.explainAccess({
      resourceId: owner.orgId,
      permission: 'group.create',
      subject: `service_account:${ci}`,
    });
    await client(accessToken).groups.createGroup({ orgId: owner.orgId, name: 'by-ci' });
    const told = async () => {
      const found = await events.listEvents({ orgId: owner.orgId });
      const actor = found.events.find((each) => each.type === 'dev.truffle.group.created.v1')?.actor;
      return [actor?.subject, actor?.displayName];
    };
    await expect.poll(told).toEqual([`service_account:${ci}`, `ci/CI (${workload.sub})`]);

    const disable = (disabled: boolean) =>
      serviceAccounts.updateServiceAccount({ serviceAccountId: ci, description: '', disabled });
    await disable(true);
    await world.people.ended(accessToken);
    expect(await refusal(exchange(made.id))).toEqual(notGood);
    await disable(false);
    const again = await exchange(made.id);
    await client(again.accessToken).organizations.getOrganization({ orgId: owner.orgId });
    await serviceAccounts.deleteServiceAccount({ serviceAccountId: ci });
    await world.people.ended(again.accessToken);
    expect(await refusal(exchange(made.id))).toEqual(notGood);
    expect((await client(owner.token).trusts.listTrusts({ orgId: owner.orgId })).trusts.map((t) => t.id)).not.toContain(
      made.id,
    );
  });

  it('acts as no account that may more than who trusts, and as none of another organization', async () => {
    const { serviceAccounts, members } = client(owner.token);
    const { serviceAccount } = await serviceAccounts.createServiceAccount({ orgId: owner.orgId, name: 'root' });
    const asRoot = { role: Role.UNSPECIFIED, serviceAccountId: serviceAccount?.id ?? '' };
    await members.setBinding({
      scopeId: owner.orgId,
      subject: `service_account:${asRoot.serviceAccountId}`,
      role: Role.OWNER,
    });
    const { secret } = await client(owner.token).apiKeys.createApiKey({
      scopeId: owner.orgId,
      name: 'admin',
      role: Role.ADMIN,
    });
    const wanted = {
      scopeId: owner.orgId,
      name: 'CI',
      issuer: world.issuer.url,
      audience: workload.aud,
      conditions: [{ claim: 'sub', pattern: 'repo:acme/web:*' }],
      ...asRoot,
    };
    expect((await refusal(client(secret).trusts.createTrust(wanted))).code).toBe(Code.PermissionDenied);
    const other = await world.people.signUp('eve');
    const theirs = { ...wanted, scopeId: other.orgId };
    expect((await refusal(client(other.token).trusts.createTrust(theirs))).code).toBe(Code.NotFound);
    for (const wrong of [{ ...asRoot, role: Role.VIEWER }, { role: Role.UNSPECIFIED }])
      expect((await refusal(trust(wrong))).code, JSON.stringify(wrong)).toBe(Code.InvalidArgument);
    const { projects } = await client(owner.token).projects.listProjects({ orgId: owner.orgId });
    const atProject = trust({ ...asRoot, scopeId: projects[0]?.id ?? '' });
    expect((await refusal(atProject)).code).toBe(Code.InvalidArgument);
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

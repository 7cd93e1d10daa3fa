import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { eventsOrdered } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, refusal } from '../people.fixture.ts';
import { changeOf, startSso, type SsoWorld } from './sso.fixture.ts';

let world: SsoWorld;
const client = (token?: string) => world.people.host.client(token);

beforeAll(async () => {
  world = await startSso();
});

afterAll(async () => world?.close());

const person = (name: string, domain: string, more: object = {}) => ({
  sub: `sub-${name}`,
  email: `${name}@${domain}`,
  email_verified: true,
  name,
  ...more,
});

describe('a connection', () => {
  it('keeps its secret sealed, is changed by revision, and only by owners who just proved who they are', async () => {
    const owner = await world.people.signUp('ada');
    const made = await world.connect(owner);
    expect([made.hasClientSecret, made.redirectUri]).toEqual([true, 'https://truffle.example/sso/callback']);
    const { rows } = await world.people.database.admin.query('select * from tenant.connection');
    expect(JSON.stringify(rows)).not.toContain(Buffer.from(world.issuer.clientSecret).toString('hex'));
    const { connections } = client(owner.token);
    const wanted = { ...changeOf(made), enabled: false };
    const changed = await connections.updateConnection(wanted);
    expect([changed.connection?.enabled, changed.connection?.hasClientSecret]).toEqual([false, true]);
    expect((await refusal(connections.updateConnection(wanted))).reason).toBe('STALE_REVISION');
    expect(
      (await refusal(connections.updateConnection({ ...wanted, issuer: 'https://other.example', revision: 2n }))).code,
    ).toBe(Code.InvalidArgument);
    await world.people.database.admin.query(
      `update tenant.session set authenticated_at = now() - interval '1 hour' where user_id = $1`,
      [owner.userId],
    );
    const old = await world.people.signIn('ada');
    await world.people.database.admin.query(
      `update tenant.session set authenticated_at = now() - interval '1 hour' where user_id = $1`,
      [owner.userId],
    );
    const work = client(old).connections.deleteConnection({ connectionId: made.id });
    expect((await refusal(work)).reason).toBe('STEP_UP_REQUIRED');
  });

  it('is refused for an issuer inside, a plain one, a place elsewhere and an owner by claim', async () => {
    const owner = await world.people.signUp('bea');
    const other = await world.people.signUp('bob');
    for (const issuer of [
      'http://169.254.169.254/latest',
      'https://10.0.0.1',
      'https://localhost:5432',
      'http://issuer.example',
      'file:///etc/passwd',
      'https://issuer.example/?x=1',
      'https://user:pass@issuer.example',
      'nonsense',
    ])
      expect((await refusal(world.connect(owner, { issuer }))).code, issuer).toBe(Code.InvalidArgument);
    const mapping = { claim: '', value: '', role: Role.VIEWER, scopeId: owner.orgId };
    for (const change of [{ scopeId: other.orgId }, { role: Role.OWNER }])
      expect((await refusal(world.connect(owner, { mappings: [{ ...mapping, ...change }] }))).code).toBe(
        Code.InvalidArgument,
      );
    const made = await world.connect(owner);
    const { connections } = client(other.token);
    expect((await refusal(connections.deleteConnection({ connectionId: made.id }))).code).toBe(Code.NotFound);
    expect((await refusal(connections.addDomain({ connectionId: made.id, domain: 'bob.example' }))).code).toBe(
      Code.NotFound,
    );
  });

  it('proves a domain by a DNS record, once for all organizations', async () => {
    const owner = await world.people.signUp('cyd');
    const other = await world.people.signUp('dan');
    const made = await world.connect(owner);
    const theirs = await world.connect(other);
    const { connections } = client(owner.token);
    const at = { connectionId: made.id, domain: 'cyd.example' };
    await connections.addDomain(at);
    expect((await refusal(connections.verifyDomain(at))).reason).toBe('RECORD_NOT_FOUND');
    expect((await refusal(connections.requireDomain({ ...at, required: true }))).reason).toBe('DOMAIN_NOT_VERIFIED');
    expect((await refusal(client().sso.beginSignIn({ by: { case: 'email', value: 'x@cyd.example' } }))).reason).toBe(
      'NO_CONNECTION',
    );
    await world.prove(owner, made.id, 'cyd.example');
    await client().sso.beginSignIn({ by: { case: 'email', value: 'x@cyd.example' } });
    expect((await refusal(world.prove(other, theirs.id, 'cyd.example'))).reason).toBe('DOMAIN_TAKEN');
    expect((await refusal(connections.addDomain({ ...at, domain: 'gmail.com' }))).code).toBe(Code.InvalidArgument);
    expect((await connections.listDomains({ orgId: owner.orgId })).domains.map((d) => d.domain)).toEqual([
      'cyd.example',
    ]);
  });
});

describe('a sign-in by a provider', () => {
  it('makes an account in the organization, gives what claims say, changes and takes it away again', async () => {
    const owner = await world.people.signUp('eve');
    const project = (await client(owner.token).projects.listProjects({ orgId: owner.orgId })).projects[0]?.id ?? '';
    const made = await world.connect(owner, {
      mappings: [
        { claim: 'groups', value: 'dev', role: Role.OPERATOR, scopeId: project },
        { claim: 'realm.roles', value: 'boss', role: Role.ADMIN, scopeId: owner.orgId },
      ],
    });
    await world.prove(owner, made.id, 'eve.example');
    const fay = person('fay', 'eve.example', { groups: ['dev', 'x'] });
    const first = await world.signIn(made.id, fay);
    expect(first.orgId).toBe(owner.orgId);
    const rolesNow = async (token: string) =>
      (await client(token).accounts.whoAmI({})).bindings.map((b) => [b.role, b.scopeId]);
    expect(await rolesNow(first.sessionToken)).toEqual([[Role.OPERATOR, project]]);
    const second = await world.signIn(made.id, { ...fay, realm: { roles: ['boss'] } });
    expect(await rolesNow(second.sessionToken)).toEqual([
      [Role.OPERATOR, project],
      [Role.ADMIN, owner.orgId],
    ]);
    expect((await refusal(world.signIn(made.id, { ...fay, groups: [] }))).reason).toBe('NOT_ADMITTED');
    const { bindings } = await client(owner.token).members.listBindings({ orgId: owner.orgId });
    expect(bindings.map((b) => b.role)).toEqual([Role.OWNER]);
    await eventsOrdered(world.people.database, owner.orgId);
    const { events } = await client(owner.token).events.listEvents({ orgId: owner.orgId });
    const types = events.map((each) => each.type);
    for (const type of ['identity.linked', 'member.set', 'member.deleted', 'connection.created', 'domain.verified'])
      expect(types, type).toContain(`dev.truffle.${type}.v1`);
  });

  it('ends with its connection, its link and its switch', async () => {
    const owner = await world.people.signUp('gus');
    const made = await world.connect(owner);
    await world.prove(owner, made.id, 'gus.example');
    const hal = person('hal', 'gus.example');
    const { sessionToken } = await world.signIn(made.id, hal);
    const { identities } = await client(sessionToken).sso.listIdentities({});
    await world.people.database.admin.query(`update tenant.session set authenticated_at = now()`);
    await client(sessionToken).sso.unlink({ identityId: identities[0]?.id ?? '' });
    await world.people.ended(sessionToken);
    const again = await world.signIn(made.id, hal);
    await client(owner.token).connections.updateConnection({ ...changeOf(made), enabled: false });
    await world.people.ended(again.sessionToken);
    expect((await refusal(world.signIn(made.id, hal))).reason).toBe('NO_CONNECTION');
  });

  it('may be demanded of a domain, but not of owners', async () => {
    const owner = await world.people.signUp('ian');
    const { orgId } = owner;
    const made = await world.connect(owner);
    await world.prove(owner, made.id, 'ian.example');
    const kim = person('kim', 'ian.example');
    await world.signIn(made.id, kim);
    await client().addresses.requestPasswordReset({ email: kim.email });
    const { token } = await world.people.mail.arrived(kim.email, 'Choose a new password');
    await client().addresses.resetPassword({ token, newPassword: password });
    await client().accounts.signIn({ email: kim.email, password });
    await client(owner.token).connections.requireDomain({
      connectionId: made.id,
      domain: 'ian.example',
      required: true,
    });
    expect((await refusal(client().accounts.signIn({ email: kim.email, password }))).reason).toBe('SSO_REQUIRED');
    expect((await refusal(client().accounts.signIn({ email: kim.email, password: 'wrong' }))).reason).toBe(
      'WRONG_CREDENTIALS',
    );
    await world.people.database.admin.query(`update tenant.user set email = 'ian@ian.example' where id = $1`, [
      owner.userId,
    ]);
    await client().accounts.signIn({ email: 'ian@ian.example', password });
    expect(orgId).not.toBe('');
  });
});

describe('an account that is there', () => {
  it('is linked by its address only where the domain is proven and the provider verified it', async () => {
    const owner = await world.people.signUp('lea');
    const victim = await world.people.signUp('max');
    const made = await world.connect(owner);
    const claims = { sub: 'max-there', email: emailOf('max'), email_verified: true };
    expect((await refusal(world.signIn(made.id, claims))).reason).toBe('LINK_REQUIRED');
    expect((await refusal(world.signIn(made.id, { ...claims, email: 'nobody@example.com' }))).reason).toBe(
      'LINK_REQUIRED',
    );
    await world.prove(owner, made.id, 'example.com');
    for (const wrong of [
      { email_verified: false },
      { email_verified: 'true' },
      { email_verified: undefined },
      { email: 7 },
    ])
      expect((await refusal(world.signIn(made.id, { ...claims, ...wrong }))).reason).toBe('LINK_REQUIRED');
    const { sessionToken } = await world.signIn(made.id, claims);
    const who = await client(sessionToken).accounts.whoAmI({});
    expect(who.user?.id).toBe(victim.userId);
    expect(new Set(who.bindings.map((b) => b.orgId))).toEqual(new Set([owner.orgId]));
    await client(owner.token).connections.removeDomain({ connectionId: made.id, domain: 'example.com' });
  });

  it('is not reached beyond the organization by a session that its provider opened', async () => {
    const owner = await world.people.signUp('ned');
    const victim = await world.people.signUp('ora');
    const made = await world.connect(owner);
    await world.prove(owner, made.id, 'example.com');
    const claims = { sub: 'ora-there', email: emailOf('ora'), email_verified: true };
    const { sessionToken } = await world.signIn(made.id, claims);
    const api = client(sessionToken);
    expect((await refusal(api.organizations.getOrganization({ orgId: victim.orgId }))).code).toBe(Code.NotFound);
    expect((await api.organizations.listOrganizations({})).organizations.map((o) => o.id)).toEqual([owner.orgId]);
    for (const work of [
      () => api.addresses.changeAddress({ email: 'mallory@example.net' }),
      () => api.sessions.listSessions({}),
      () => api.sessions.revokeOtherSessions({}),
      () => api.factors.listFactors({}),
      () => api.sso.listIdentities({}),
      () => api.organizations.createOrganization({ name: 'ora-two' }),
      () => api.invitations.acceptInvitation({ token: 'tft_x' }),
    ])
      expect((await refusal(work())).reason).toBe('SESSION_CONFINED');
    await api.accounts.signOut({});
    await client(owner.token).connections.removeDomain({ connectionId: made.id, domain: 'example.com' });
  });

  it('is linked by its person, signed in and just proven, to nobody else’s identity', async () => {
    const owner = await world.people.signUp('pia');
    const made = await world.connect(owner);
    const api = client(owner.token);
    const begun = await api.sso.beginLink({ connectionId: made.id });
    expect(new URL(begun.url).searchParams.get('prompt')).toBe('login');
    const answer = await world.issuer.approve(begun.url, { sub: 'pia-there' });
    const stranger = await world.people.signUp('quy');
    expect((await refusal(client(stranger.token).sso.finishLink({ ...answer, binding: begun.binding }))).reason).toBe(
      'FLOW_NOT_GOOD',
    );
    expect((await refusal(client().sso.finishSignIn({ ...answer, binding: begun.binding }))).reason).toBe(
      'FLOW_NOT_GOOD',
    );
    await api.sso.finishLink({ ...answer, binding: begun.binding });
    expect((await world.signIn(made.id, { sub: 'pia-there' })).orgId).toBe(owner.orgId);
    expect((await refusal(client(stranger.token).sso.beginLink({ connectionId: made.id }))).code).toBe(Code.NotFound);
  });
});

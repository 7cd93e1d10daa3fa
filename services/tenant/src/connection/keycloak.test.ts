import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import type { Connection } from '@truffle/api/tenant/v1/connection';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../people.fixture.ts';
import { startSso, type Owner, type SsoWorld } from '../sso/sso.fixture.ts';
import { findKeycloak, Keycloak } from './keycloak.fixture.ts';

const found = findKeycloak();
const missing = 'missing' in found ? found.missing : '';
if (missing !== '') process.stderr.write(`\nSKIPPED: nothing is tried with a real Keycloak: ${missing}\n\n`);

const bea = { username: 'bea', password: 'her own password' };
const secret = 'a client’s secret';
let world: SsoWorld;
let keycloak: Keycloak;
let owner: Owner;
let connection: Connection;
const client = (token?: string) => world.people.host.client(token);

describe.skipIf(missing !== '')(`a real Keycloak${missing === '' ? '' : ` (SKIPPED: ${missing})`}`, () => {
  beforeAll(async () => {
    if ('missing' in found) return;
    world = await startSso();
    keycloak = await Keycloak.start(found.home);
    owner = await world.people.signUp('ada');
    await keycloak.administer('POST', '', realm(keycloak.realm));
    connection = await world.connect(owner, {
      issuer: keycloak.issuer,
      clientId: 'truffle',
      clientSecret: secret,
      bearer: true,
      mappings: [{ claim: 'groups', value: 'developers', role: Role.OPERATOR, scopeId: owner.orgId }],
    });
    await world.prove(owner, connection.id, 'ada.example');
    await keycloak.administer('POST', `/${keycloak.realm}/clients`, apiClient(connection.id));
  }, 300_000);

  afterAll(async () => {
    await keycloak?.close();
    await world?.close();
  });

  const begin = (fresh = false) => client().sso.beginSignIn({ by: { case: 'email', value: 'bea@ada.example' }, fresh });

  it('signs people in by its own pages, with what their groups give', async () => {
    for (const fresh of [false, true]) {
      const { url, binding } = await begin(fresh);
      const opened = await client().sso.finishSignIn({
        ...(await keycloak.signIn(url, bea.username, bea.password)),
        binding,
      });
      expect([opened.user?.email, opened.orgId]).toEqual(['bea@ada.example', owner.orgId]);
      const { bindings } = await client(opened.sessionToken).accounts.whoAmI({});
      expect(bindings.map((b) => [b.role, b.scopeId])).toEqual([[Role.OPERATOR, owner.orgId]]);
    }
  });

  it('lets people call the API with its access tokens, for this connection alone and not with others', async () => {
    const token = await keycloak.accessToken('api', secret, bea.username, bea.password);
    const who = await client(token).accounts.whoAmI({});
    expect([who.user?.email, who.bindings.map((b) => b.role)]).toEqual(['bea@ada.example', [Role.OPERATOR]]);
    await client(token).organizations.getOrganization({ orgId: owner.orgId });
    expect((await refusal(client(token).sessions.listSessions({}))).reason).toBe('NOT_A_PERSON');
    const wrongClient = await keycloak.accessToken('truffle', secret, bea.username, bea.password);
    expect((await refusal(client(wrongClient).accounts.whoAmI({}))).code).toBe(Code.Unauthenticated);
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = { ...(JSON.parse(Buffer.from(body, 'base64url').toString()) as object), groups: ['boss'] };
    const changed = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    expect((await refusal(client(changed).accounts.whoAmI({}))).code).toBe(Code.Unauthenticated);
  });

  it(
    'signs with new keys after a rotation, which are known within seconds, and is switched off at once',
    { timeout: 60_000 },
    async () => {
      const before = await keycloak.accessToken('api', secret, bea.username, bea.password);
      const { id } = (await keycloak.administer('GET', `/${keycloak.realm}`)) as { id: string };
      await keycloak.administer('POST', `/${keycloak.realm}/components`, {
        name: 'newer',
        providerId: 'rsa-generated',
        providerType: 'org.keycloak.keys.KeyProvider',
        parentId: id,
        config: { priority: ['1000'], enabled: ['true'], active: ['true'], keySize: ['2048'], algorithm: ['RS256'] },
      });
      const token = await keycloak.accessToken('api', secret, bea.username, bea.password);
      expect(keyOf(token)).not.toBe(keyOf(before));
      const works = () =>
        client(token)
          .accounts.whoAmI({})
          .then(
            () => true,
            () => false,
          );
      await until('the new key is known', works, 20_000);
      await client(owner.token).connections.updateConnection({
        connectionId: connection.id,
        name: connection.name,
        issuer: connection.issuer,
        clientId: connection.clientId,
        mappings: connection.mappings,
        scopes: connection.scopes,
        bearer: false,
        enabled: true,
        revision: connection.revision,
      });
      await world.people.ended(token);
    },
  );
});

const keyOf = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: unknown }).kid;

const groups = {
  name: 'groups',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-group-membership-mapper',
  config: { 'full.path': 'false', 'claim.name': 'groups', 'id.token.claim': 'true', 'access.token.claim': 'true' },
};

const realm = (name: string): unknown => ({
  realm: name,
  enabled: true,
  sslRequired: 'none',
  groups: [{ name: 'developers' }],
  users: [
    {
      username: bea.username,
      email: 'bea@ada.example',
      emailVerified: true,
      firstName: 'Bea',
      lastName: 'Example',
      enabled: true,
      groups: ['developers'],
      credentials: [{ type: 'password', value: bea.password }],
    },
  ],
  clients: [
    {
      clientId: 'truffle',
      secret,
      redirectUris: ['https://truffle.example/sso/callback'],
      attributes: { 'pkce.code.challenge.method': 'S256' },
      directAccessGrantsEnabled: true,
      protocolMappers: [groups],
    },
  ],
});

const apiClient = (audience: string): unknown => ({
  clientId: 'api',
  secret,
  directAccessGrantsEnabled: true,
  standardFlowEnabled: false,
  protocolMappers: [
    groups,
    {
      name: 'audience',
      protocol: 'openid-connect',
      protocolMapper: 'oidc-audience-mapper',
      config: { 'included.custom.audience': audience, 'access.token.claim': 'true', 'id.token.claim': 'false' },
    },
  ],
});

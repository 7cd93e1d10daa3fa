import { Code, ConnectError } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient, type TruffleClient } from '@truffle/api';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { Role } from '@truffle/api/tenant/v1/account';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import { eventsOrdered, testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTenantModule, tenantMigrations } from '../index.ts';

let database: TestDatabase;
let host: TestHost;
const makers = { tenant: makeTenantModule, billing: makeBillingModule };
const trusted = { TRUFFLE_TRUSTED_PROXIES: '127.0.0.1,10.9.0.0/16' };
const office = '198.51.100.7';
const home = '2001:db8:1::9';

beforeAll(async () => {
  database = await testDatabase([tenantMigrations, billingMigrations]);
  host = await testHost(database, makers, trusted);
});

afterAll(async () => {
  await host?.close();
  await database?.close();
});

/** A client behind the proxies that `via` names, as the header says. */
const clientFrom = (via: string, credential = '', at = host): TruffleClient =>
  createTruffleClient(
    createConnectTransport({
      baseUrl: at.url,
      httpVersion: '1.1',
      interceptors: [
        (next) => (request) => {
          request.header.set('x-forwarded-for', via);
          if (credential !== '') request.header.set('authorization', `Bearer ${credential}`);
          return next(request);
        },
      ],
    }),
  );

const signUp = async (name: string) => {
  const made = await clientFrom(office).accounts.signUp({
    email: `${name}@example.com`,
    password: 'correct horse battery',
    orgName: name,
  });
  return {
    token: made.sessionToken,
    orgId: made.organization?.id ?? '',
    client: clientFrom(office, made.sessionToken),
  };
};

async function refusal(work: Promise<unknown>): Promise<[Code | undefined, string, Record<string, string>]> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => ConnectError.from(e),
  );
  const info = error?.findDetails(ErrorInfoSchema)[0];
  return [error?.code, info?.reason ?? 'was not refused', info?.metadata ?? {}];
}

const ranges = (...cidrs: string[]) => cidrs.map((cidr) => ({ cidr, note: 'ours' }));

describe('an allowlist', () => {
  it('is empty first, and is set with the revision that was seen', async () => {
    const { client, orgId } = await signUp('allow-one');
    expect(await client.allowlists.getAllowlist({ orgId })).toMatchObject({
      callerAddress: office,
      allowlist: { orgId, revision: 0n, sessions: [], apiKeys: [], agents: [] },
    });
    const set = await client.allowlists.setAllowlist({
      orgId,
      sessions: ranges('198.51.100.0/24', '2001:DB8:0:0::/32', '198.51.100.0/24'),
    });
    expect(set.allowlist?.sessions.map((range) => range.cidr)).toEqual(['198.51.100.0/24', '2001:db8::/32']);
    expect(set.allowlist?.revision).toBe(1n);
    expect(await refusal(client.allowlists.setAllowlist({ orgId }))).toMatchObject([
      Code.Aborted,
      'STALE_REVISION',
      {},
    ]);
    await eventsOrdered(database, orgId);
    const { events } = await client.events.listEvents({ orgId });
    expect(events.some((event) => event.type.includes('allowlist.set'))).toBe(true);
  });

  it('is refused with the field of every range that is none, and how to write it', async () => {
    const { client, orgId } = await signUp('allow-bad');
    const bad = [
      '10.0.0.5/8',
      '10.0.0.0/33',
      '::ffff:10.0.0.1',
      'fe80::1%eth0',
      '0x7f.1',
      '1.2.3',
      'example.com',
      '/8',
    ];
    const error = await client.allowlists.setAllowlist({ orgId, agents: ranges(...bad), force: true }).then(
      () => undefined,
      (e: unknown) => ConnectError.from(e),
    );
    expect(error?.code).toBe(Code.InvalidArgument);
    for (const i of bad.keys()) expect(error?.message).toContain(`agents[${i}].cidr`);
    expect(error?.message).toContain('write 10.0.0.0/8');
  });

  it('that would shut the caller out is refused unless forced', async () => {
    const { client, orgId } = await signUp('allow-lock');
    const wanted = { orgId, sessions: ranges('203.0.113.0/24') };
    expect(await refusal(client.allowlists.setAllowlist(wanted))).toEqual([
      Code.FailedPrecondition,
      'WOULD_LOCK_OUT',
      { list: 'sessions', address: office },
    ]);
    await client.allowlists.setAllowlist({ ...wanted, force: true });
    await until(
      'the rule is in force',
      async () => (await refusal(client.allowlists.getAllowlist({ orgId })))[1] === 'ADDRESS_NOT_ALLOWED',
    );
    // The way back: whoever runs the installation suspends it, and the owner mends it.
    const rescue = await testHost(database, makers, { ...trusted, TRUFFLE_ALLOWLIST_SUSPENDED: orgId });
    const { sessionToken } = await clientFrom(office, '', rescue).accounts.signIn({
      email: 'allow-lock@example.com',
      password: 'correct horse battery',
    });
    const mended = await clientFrom(office, sessionToken, rescue).allowlists.setAllowlist({ orgId, revision: 1n });
    expect(mended.allowlist?.sessions).toEqual([]);
    await rescue.close();
  });

  it('closes its own organization to sessions from elsewhere, and no other', async () => {
    const { client, orgId, token } = await signUp('allow-two');
    const { organization: other } = await client.organizations.createOrganization({ name: 'allow-other', title: '' });
    await client.allowlists.setAllowlist({ orgId, sessions: ranges('198.51.100.0/24') });
    const away = clientFrom(home, token);
    await until(
      'the rule is in force',
      async () => (await refusal(away.allowlists.getAllowlist({ orgId })))[1] === 'ADDRESS_NOT_ALLOWED',
    );
    expect(await refusal(away.organizations.getOrganization({ orgId }))).toEqual([
      Code.PermissionDenied,
      'ADDRESS_NOT_ALLOWED',
      { orgId, address: home },
    ]);
    const { projects } = await clientFrom(office, token).projects.listProjects({ orgId });
    expect((await refusal(away.projects.getProject({ projectId: projects[0]?.id ?? '' })))[1]).toBe(
      'ADDRESS_NOT_ALLOWED',
    );
    await away.organizations.getOrganization({ orgId: other?.id ?? '' });
    expect((await away.organizations.listOrganizations({})).organizations.map((o) => o.name)).toEqual(['allow-other']);
    // A stranger is told nothing of it.
    const stranger = await signUp('allow-stranger');
    expect((await refusal(stranger.client.organizations.getOrganization({ orgId })))[1]).toBe('NOT_FOUND');
  });

  it('has a list of its own for keys', async () => {
    const { client, orgId } = await signUp('allow-keys');
    const { secret } = await client.apiKeys.createApiKey({ scopeId: orgId, name: 'ci', role: Role.VIEWER });
    await client.allowlists.setAllowlist({ orgId, apiKeys: ranges('203.0.113.9') });
    await until(
      'the rule is in force',
      async () => (await refusal(clientFrom(office, secret).accounts.whoAmI({})))[1] === 'ADDRESS_NOT_ALLOWED',
    );
    await clientFrom('203.0.113.9', secret).organizations.getOrganization({ orgId });
    await client.organizations.getOrganization({ orgId });
  });

  it('is held against the address that the last trusted proxy saw, whatever the client says', async () => {
    const { client, orgId, token } = await signUp('allow-proxy');
    await client.allowlists.setAllowlist({ orgId, sessions: ranges('198.51.100.0/24') });
    await until(
      'the rule is in force',
      async () =>
        (await refusal(clientFrom(home, token).allowlists.getAllowlist({ orgId })))[1] === 'ADDRESS_NOT_ALLOWED',
    );
    const reads = (via: string) => refusal(clientFrom(via, token).allowlists.getAllowlist({ orgId }));
    expect((await reads(`${office}, ${home}`))[1]).toBe('ADDRESS_NOT_ALLOWED');
    expect((await reads(`${office}, ${home}, 10.9.0.1`))[1]).toBe('ADDRESS_NOT_ALLOWED');
    expect((await reads(`${home}, ${office}, 10.9.0.1`))[1]).toBe('was not refused');
    expect((await reads(`garbage, ::ffff:${office}:`))[1]).toBe('ADDRESS_NOT_ALLOWED');
    expect((await reads(`${home}, ::ffff:${office}`))[1]).toBe('was not refused');
    const rest = await fetch(`${host.url}/v1/organizations/${orgId}/allowlist`, {
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': `${office}, ${home}` },
    });
    expect([rest.status, ((await rest.json()) as { reason: string }).reason]).toEqual([403, 'ADDRESS_NOT_ALLOWED']);
  });
});

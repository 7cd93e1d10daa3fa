import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { Role } from '@truffle/api/tenant/v1/account';
import { makeBillingModule, billingMigrations } from '@truffle/billing';
import { eventsOrdered, testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTenantModule, tenantMigrations } from './index.ts';

let database: TestDatabase;
let host: TestHost;
const password = 'correct horse battery';

beforeAll(async () => {
  database = await testDatabase([tenantMigrations, billingMigrations]);
  host = await testHost(database, { tenant: makeTenantModule, billing: makeBillingModule });
});

afterAll(async () => {
  await host?.close();
  await database?.close();
});

const signUp = (name: string) =>
  host.client().accounts.signUp({ email: `${name}@example.com`, password, orgName: name });

async function refusal(work: Promise<unknown>): Promise<{ code: Code; reason: string }> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => ConnectError.from(e),
  );
  if (error === undefined) throw new Error('was not refused');
  return { code: error.code, reason: error.findDetails(ErrorInfoSchema)[0]?.reason ?? '' };
}

describe('an account', () => {
  it('signs up with an organization, workspace and project, and signs in', async () => {
    const made = await signUp('ada');
    expect(made.organization?.name).toBe('ada');
    expect([made.workspace?.name, made.project?.name]).toEqual(['default', 'default']);
    const { sessionToken } = await host.client().accounts.signIn({ email: 'Ada@Example.com', password });
    const who = await host.client(sessionToken).accounts.whoAmI({});
    expect(who.user?.id).toBe(made.user?.id);
    expect(who.bindings.map((b) => [b.role, b.scopeId])).toEqual([[Role.OWNER, made.organization?.id]]);
    const { organizations } = await host.client(sessionToken).organizations.listOrganizations({});
    expect(organizations.map((o) => o.name)).toEqual(['ada']);
  });

  it('is refused a taken address, a taken organization, a wrong password and an unknown address', async () => {
    await signUp('bea');
    expect(
      await refusal(host.client().accounts.signUp({ email: 'bea@example.com', password, orgName: 'bea2' })),
    ).toEqual({ code: Code.AlreadyExists, reason: 'ALREADY_EXISTS' });
    expect(
      await refusal(host.client().accounts.signUp({ email: 'bea2@example.com', password, orgName: 'bea' })),
    ).toEqual({ code: Code.AlreadyExists, reason: 'ALREADY_EXISTS' });
    const wrong = { code: Code.Unauthenticated, reason: 'WRONG_CREDENTIALS' };
    expect(await refusal(host.client().accounts.signIn({ email: 'bea@example.com', password: 'wrong' }))).toEqual(
      wrong,
    );
    expect(await refusal(host.client().accounts.signIn({ email: 'nobody@example.com', password }))).toEqual(wrong);
    const { rows } = await database.admin.query(`select 1 from tenant.organization where name = 'bea2'`);
    expect(rows).toHaveLength(0);
  });

  it('is closed to guessing after ten wrong passwords', async () => {
    await signUp('cyd');
    const guesses = await Promise.all(
      Array.from({ length: 14 }, () =>
        refusal(host.client().accounts.signIn({ email: 'cyd@example.com', password: 'wrong' })),
      ),
    );
    expect(guesses.filter((g) => g.reason === 'WRONG_CREDENTIALS')).toHaveLength(10);
    expect(await refusal(host.client().accounts.signIn({ email: 'cyd@example.com', password }))).toEqual({
      code: Code.ResourceExhausted,
      reason: 'TOO_MANY_ATTEMPTS',
    });
  });

  it('ends its session, and all others when its password changes', async () => {
    const { sessionToken: first } = await signUp('dan');
    const { sessionToken: second } = await host.client().accounts.signIn({ email: 'dan@example.com', password });
    await host.client(second).accounts.changePassword({ oldPassword: password, newPassword: 'another good one' });
    await until(
      'the first session has ended',
      async () =>
        (await refusal(host.client(first).accounts.whoAmI({})).catch(() => undefined))?.code === Code.Unauthenticated,
    );
    await host.client(second).accounts.signOut({});
    await until(
      'the second session has ended',
      async () =>
        (await refusal(host.client(second).accounts.whoAmI({})).catch(() => undefined))?.code === Code.Unauthenticated,
    );
    await host.client().accounts.signIn({ email: 'dan@example.com', password: 'another good one' });
  });

  it('keeps neither passwords nor credentials in clear', async () => {
    const { sessionToken } = await signUp('eve');
    const { rows } = await database.admin.query<{ dump: string }>(`
      select (select json_agg(u) from tenant.user u)::text || (select json_agg(s) from tenant.session s)::text || (select json_agg(e) from ledger.event e)::text as dump`);
    expect(rows[0]?.dump).not.toContain(password);
    expect(rows[0]?.dump).not.toContain(sessionToken.slice(4, -6));
  });
});

describe('roles', () => {
  it('are not given beyond those of the giver, and the last owner stays', async () => {
    const { sessionToken, organization } = await signUp('fay');
    const scopeId = organization?.id ?? '';
    const owner = host.client(sessionToken);
    const { sessionToken: guestToken } = await signUp('gus');
    await owner.members.setBinding({ scopeId, email: 'gus@example.com', role: Role.ADMIN });
    const admin = host.client(guestToken);
    await until(
      'the role is in force',
      async () => (await admin.organizations.listOrganizations({})).organizations.length === 2,
    );
    await signUp('hal');
    const denied = { code: Code.PermissionDenied, reason: 'PERMISSION_DENIED' };
    expect(await refusal(admin.members.setBinding({ scopeId, email: 'hal@example.com', role: Role.OWNER }))).toEqual(
      denied,
    );
    expect(await refusal(admin.members.setBinding({ scopeId, email: 'fay@example.com', role: Role.VIEWER }))).toEqual(
      denied,
    );
    expect(await refusal(admin.apiKeys.createApiKey({ scopeId, name: 'k', role: Role.OWNER }))).toEqual(denied);
    const { bindings } = await owner.members.listBindings({ orgId: scopeId });
    expect(bindings.map((b) => [b.email, b.role])).toEqual([
      ['fay@example.com', Role.OWNER],
      ['gus@example.com', Role.ADMIN],
    ]);
    const bindingId = bindings[0]?.id ?? '';
    expect(await refusal(admin.members.deleteBinding({ bindingId }))).toEqual(denied);
    const last = { code: Code.FailedPrecondition, reason: 'LAST_OWNER' };
    expect(await refusal(owner.members.deleteBinding({ bindingId }))).toEqual(last);
    expect(await refusal(owner.members.setBinding({ scopeId, email: 'fay@example.com', role: Role.ADMIN }))).toEqual(
      last,
    );
    await owner.members.deleteBinding({ bindingId: bindings[1]?.id ?? '' });
    await until(
      'the role is gone',
      async () => (await admin.organizations.listOrganizations({})).organizations.length === 1,
    );
    expect(await refusal(admin.organizations.getOrganization({ orgId: scopeId }))).toEqual({
      code: Code.NotFound,
      reason: 'NOT_FOUND',
    });
  });

  it('hold below their place only', async () => {
    const { sessionToken, organization, workspace } = await signUp('ivy');
    const owner = host.client(sessionToken);
    const { project } = await owner.projects.createProject({ workspaceId: workspace?.id ?? '', name: 'web' });
    const { secret } = await owner.apiKeys.createApiKey({
      scopeId: project?.id ?? '',
      name: 'ci',
      role: Role.OPERATOR,
    });
    const key = host.client(secret);
    expect((await key.projects.getProject({ projectId: project?.id ?? '' })).project?.name).toBe('web');
    expect((await refusal(key.workspaces.getWorkspace({ workspaceId: workspace?.id ?? '' }))).code).toBe(Code.NotFound);
    await eventsOrdered(database, organization?.id ?? '');
    const { events } = await key.events.listEvents({ orgId: organization?.id ?? '' });
    expect(new Set(events.map((each) => each.projectId))).toEqual(new Set([project?.id]));
  });
});

describe('an API key', () => {
  it('works until it is revoked, and tells when it was used', async () => {
    const { sessionToken, organization } = await signUp('jon');
    const scopeId = organization?.id ?? '';
    const owner = host.client(sessionToken);
    const { apiKey, secret } = await owner.apiKeys.createApiKey({ scopeId, name: 'ci', role: Role.VIEWER });
    expect(secret.startsWith(apiKey?.hint ?? '-')).toBe(true);
    const who = await host.client(secret).accounts.whoAmI({});
    expect(who.apiKey?.id).toBe(apiKey?.id);
    expect((await owner.apiKeys.listApiKeys({ orgId: scopeId })).apiKeys[0]?.lastUsedAt).toBeDefined();
    await owner.apiKeys.revokeApiKey({ apiKeyId: apiKey?.id ?? '' });
    await owner.apiKeys.revokeApiKey({ apiKeyId: apiKey?.id ?? '' });
    await until(
      'the key is refused',
      async () =>
        (await refusal(host.client(secret).accounts.whoAmI({})).catch(() => undefined))?.code === Code.Unauthenticated,
    );
  });

  it('is not made with an end in the past', async () => {
    const { sessionToken, organization } = await signUp('kim');
    const wanted = {
      scopeId: organization?.id ?? '',
      name: 'ci',
      role: Role.VIEWER,
      expiresAt: { seconds: 1n, nanos: 0 },
    };
    expect((await refusal(host.client(sessionToken).apiKeys.createApiKey(wanted))).code).toBe(Code.InvalidArgument);
  });
});

describe('the tenancy tree', () => {
  it('refuses taken names, stale revisions and full workspaces', async () => {
    const { sessionToken, organization, workspace } = await signUp('leo');
    const owner = host.client(sessionToken);
    const orgId = organization?.id ?? '';
    expect((await refusal(owner.workspaces.createWorkspace({ orgId, name: 'default' }))).reason).toBe('ALREADY_EXISTS');
    expect(
      (await refusal(owner.projects.createProject({ workspaceId: workspace?.id ?? '', name: 'default' }))).reason,
    ).toBe('ALREADY_EXISTS');
    expect(
      (await refusal(owner.workspaces.deleteWorkspace({ workspaceId: workspace?.id ?? '', revision: 7n }))).reason,
    ).toBe('STALE_REVISION');
    expect((await refusal(owner.workspaces.deleteWorkspace({ workspaceId: workspace?.id ?? '' }))).reason).toBe(
      'WORKSPACE_NOT_EMPTY',
    );
    const { workspace: empty } = await owner.workspaces.createWorkspace({ orgId, name: 'empty' });
    await owner.workspaces.deleteWorkspace({ workspaceId: empty?.id ?? '', revision: 1n });
    const { workspaces } = await owner.workspaces.listWorkspaces({ orgId });
    expect(workspaces.map((w) => w.name)).toEqual(['default']);
  });

  it("is not there for another organization's user", async () => {
    const mine = await signUp('mia');
    const other = host.client((await signUp('ned')).sessionToken);
    for (const work of [
      () => other.organizations.getOrganization({ orgId: mine.organization?.id ?? '' }),
      () => other.workspaces.getWorkspace({ workspaceId: mine.workspace?.id ?? '' }),
      () => other.projects.getProject({ projectId: mine.project?.id ?? '' }),
      () => other.workspaces.createWorkspace({ orgId: mine.organization?.id ?? '', name: 'x' }),
      () => other.events.listEvents({ orgId: mine.organization?.id ?? '' }),
    ])
      expect(await refusal(work())).toEqual({ code: Code.NotFound, reason: 'NOT_FOUND' });
  });
});

describe('events', () => {
  it('are listed and watched from a number on', async () => {
    const { sessionToken, organization } = await signUp('ola');
    const client = host.client(sessionToken);
    const orgId = organization?.id ?? '';
    const stop = new AbortController();
    const seen: [bigint, string][] = [];
    const watching = (async () => {
      for await (const { event } of client.events.watchEvents({ orgId, after: 1n }, { signal: stop.signal }))
        if (event !== undefined) seen.push([event.n, event.type]);
    })().catch(() => undefined);
    await until('the first events were seen', () => seen.length === 3);
    await client.workspaces.createWorkspace({ orgId, name: 'two' });
    await until('the new event was seen', () => seen.length === 4);
    stop.abort();
    await watching;
    expect(seen.map(([n]) => n)).toEqual([2n, 3n, 4n, 5n]);
    expect(seen[3]?.[1]).toBe('dev.truffle.workspace.created.v1');
    const { events, page } = await client.events.listEvents({ orgId, page: { size: 2 } });
    expect(events.map((e) => e.type)).toEqual([
      'dev.truffle.account.signed_up.v1',
      'dev.truffle.organization.created.v1',
    ]);
    const rest = await client.events.listEvents({ orgId, page: { size: 50, token: page?.next ?? '' } });
    expect(rest.events.map((e) => e.n)).toEqual([3n, 4n, 5n]);
  });
});

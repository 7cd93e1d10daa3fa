import type { DescField, DescMethod, Message } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import type { TruffleClient } from '@truffle/api';
import { Idempotency } from '@truffle/api/options/v1/method';
import { Effect, Role } from '@truffle/api/tenant/v1/account';
import { roleGrants, rulesOf } from '@truffle/kit';
import { eventsOrdered, testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aloof,
  byPermission,
  call,
  distant,
  everythingOf,
  noToken,
  noSession,
  requestOf,
  source,
  nowhere,
} from './contract.fixture.ts';
import { emailOf, password, startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

const roles = [Role.VIEWER, Role.AUDITOR, Role.OPERATOR, Role.ADMIN, Role.OWNER] as const;
const levels = ['organization', 'workspace', 'project'] as const;
type Level = (typeof levels)[number];

let plane: ControlPlane;
let site: TestSite;
let owner: TruffleClient;
let count = 0;
/** An id for each name of an id-bearing field. */
let ids: Record<string, string> = {};

beforeAll(async () => {
  plane = await startControlPlane('member');
  const { client, orgId, workspaceId, projectId } = await plane.signUp('owner');
  owner = client;
  const { template, version } = await owner.templates.createTemplateVersion({ orgId, source });
  const { apiKey } = await owner.apiKeys.createApiKey({ scopeId: orgId, name: 'target', role: Role.VIEWER });
  const { auditStream } = await owner.auditStreams.createAuditStream({ orgId, name: 'siem', target: nowhere });
  const { trust } = await owner.trusts.createTrust({ scopeId: orgId, ...distant });
  site = await testSite({ client: owner, url: plane.host.url, orgId });
  const spec = { name: 'there', agentId: site.agentId, templateVersionId: version?.id ?? '' };
  const { cluster, operation } = await owner.clusters.createCluster({ projectId, spec });
  for await (const _ of owner.operations.watchOperation({ operationId: operation?.id ?? '' }));
  const { servers } = await owner.servers.listServers({ clusterId: cluster?.id ?? '' });
  const { role } = await owner.roles.createRole({ orgId, name: 'own', permissions: ['cluster.get'] });
  const { group } = await owner.groups.createGroup({ orgId, name: 'own' });
  const { serviceAccount } = await owner.serviceAccounts.createServiceAccount({ orgId, name: 'own' });
  ids = {
    org_id: orgId,
    workspace_id: workspaceId,
    project_id: projectId,
    scope_id: projectId,
    template_id: template?.id ?? '',
    template_version_id: version?.id ?? '',
    api_key_id: apiKey?.id ?? '',
    audit_stream_id: auditStream?.id ?? '',
    connection_id: '',
    trust_id: trust?.id ?? '',
    token_id: noToken,
    session_id: noSession,
    binding_id: await freshBinding(orgId),
    role_id: role?.id ?? '',
    group_id: group?.id ?? '',
    service_account_id: serviceAccount?.id ?? '',
    resource_id: projectId,
    invitation_id: await freshInvitation(orgId),
    agent_id: site.agentId,
    cluster_id: cluster?.id ?? '',
    operation_id: operation?.id ?? '',
    server_id: servers[0]?.id ?? '',
  };
  ids['connection_id'] = await freshConnection();
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

/** The organization's one stream; one that was deleted is made again. */
async function freshStream(): Promise<string> {
  const orgId = ids['org_id'] ?? '';
  const { auditStreams } = await owner.auditStreams.listAuditStreams({ orgId });
  if (auditStreams[0] !== undefined) return auditStreams[0].id;
  return (await owner.auditStreams.createAuditStream({ orgId, name: 'again', target: nowhere })).auditStream?.id ?? '';
}

/** The organization's one connection; one that was deleted is made again. */
async function freshConnection(): Promise<string> {
  const orgId = ids['org_id'] ?? '';
  const { connections } = await owner.connections.listConnections({ orgId });
  if (connections[0] !== undefined) return connections[0].id;
  return (await owner.connections.createConnection({ orgId, ...aloof })).connection?.id ?? '';
}

const freshBinding = async (scopeId: string): Promise<string> =>
  (await owner.members.setBinding({ scopeId, email: 'member@example.com', role: Role.VIEWER })).binding?.id ?? '';

const freshInvitation = async (scopeId: string): Promise<string> => {
  const wanted = { scopeId, email: `guest-${(count += 1)}@example.com`, role: Role.VIEWER };
  return (await owner.invitations.createInvitation(wanted)).invitation?.id ?? '';
};

const placeAt = (level: Level): string =>
  ({ organization: ids['org_id'], workspace: ids['workspace_id'], project: ids['project_id'] })[level] ?? '';

const keyOf = async (scopeId: string, role: Role): Promise<string> =>
  (await owner.apiKeys.createApiKey({ scopeId, name: 'caller', role })).secret;

/** The level of what a method is about. Nothing else stands in a project; what an organization has is only reached from there. */
const levelOf: Readonly<Record<string, Level>> = {
  org_id: 'organization',
  agent_id: 'organization',
  audit_stream_id: 'organization',
  connection_id: 'organization',
  trust_id: 'organization',
  binding_id: 'organization',
  role_id: 'organization',
  group_id: 'organization',
  service_account_id: 'organization',
  resource_id: 'project',
  api_key_id: 'organization',
  invitation_id: 'organization',
  workspace_id: 'workspace',
  scope_id: 'project',
  project_id: 'project',
  cluster_id: 'project',
  server_id: 'project',
  operation_id: 'project',
};

type Verdict = 'allowed' | 'refused' | 'unseen';

function verdictOf(method: DescMethod, role: Role, from: Level): Verdict {
  const { permission, resource, filtered, shared } = rulesOf(method);
  const target = levelOf[resource];
  if (target === undefined) throw new Error(`say at which level ${resource} is`);
  if (levels.indexOf(from) > levels.indexOf(target))
    return (filtered || shared) && roleGrants(role, permission) ? 'allowed' : 'unseen';
  return roleGrants(role, permission) ? 'allowed' : 'refused';
}

/** A request that passes the gate and then changes nothing that later ones need: names are new, revisions were never seen. */
function requestFor(method: DescMethod): Message {
  const request = requestOf(method.input, (field: DescField) => {
    if (field.name === 'template_version_id' && field.parent.name === 'ClusterSpec') return `tpv_${'0'.repeat(26)}`;
    return ids[field.name];
  }) as Message & Record<string, unknown>;
  // Either of two that say the same.
  if ('subject' in request && 'email' in request) request['subject'] = '';
  if (method.name === 'SetBinding') request['roleId'] = '';
  if (method.name === 'CreateInvitation') request['roleId'] = '';
  if (method.name === 'CreateTrust') request['serviceAccountId'] = '';
  if (method.name === 'CreateApiKey') Object.assign(request, { serviceAccountId: '', permissions: [], scopeIds: [] });
  if ('revision' in request) request['revision'] = 999_999n;
  if ('name' in request && rulesOf(method).idempotency !== Idempotency.SAFE) request['name'] = `fresh-${(count += 1)}`;
  if ('email' in request)
    request['email'] = method.name === 'CreateInvitation' ? `guest-${(count += 1)}@example.com` : 'member@example.com';
  return request;
}

describe.each(levels)('at the %s', (level) => {
  it.each(roles.map((role) => [Role[role], role] as const))(
    'a key with the role %s may do what its role grants there, and nothing else',
    { timeout: 60_000 },
    async (_name, role) => {
      const transport = plane.host.transport(await keyOf(placeAt(level), role));
      const verdicts = byPermission.map((entry) => [verdictOf(entry[2], role, level), ...entry] as const);
      const before = await everythingOf(plane.database, ids['org_id'] ?? '');
      const wrong: string[] = [];
      for (const [verdict, name, service, method] of verdicts) {
        if (verdict === 'allowed') continue;
        const answer = await call(transport, service, method, requestFor(method));
        const expected = verdict === 'refused' ? Code.PermissionDenied : Code.NotFound;
        if (answer.code !== expected) wrong.push(`${name} ${verdict}: ${String(answer.code)} ${answer.text}`);
      }
      expect(wrong).toEqual([]);
      expect(await everythingOf(plane.database, ids['org_id'] ?? '')).toBe(before);

      for (const [verdict, name, service, method] of verdicts) {
        if (verdict !== 'allowed') continue;
        if (rulesOf(method).resource === 'audit_stream_id') ids['audit_stream_id'] = await freshStream();
        if (rulesOf(method).resource === 'connection_id') ids['connection_id'] = await freshConnection();
        if (rulesOf(method).resource === 'binding_id') ids['binding_id'] = await freshBinding(ids['org_id'] ?? '');
        const answer = await call(transport, service, method, requestFor(method));
        const byTheGate =
          answer.about?.['permission'] !== undefined || answer.about?.['id'] === ids[rulesOf(method).resource];
        const failed =
          answer.code !== undefined &&
          [Code.Internal, Code.Unknown, Code.InvalidArgument, Code.Unauthenticated].includes(answer.code);
        const denied = answer.code === Code.PermissionDenied || (answer.code === Code.NotFound && byTheGate);
        if (denied || failed) wrong.push(`${name}: ${String(answer.code)} ${answer.text}`);
      }
      expect(wrong).toEqual([]);
    },
  );
});

describe('a role', () => {
  it('can be granted by nobody who has less, neither to a person nor to a key', async () => {
    const scopeId = ids['org_id'] ?? '';
    const admin = plane.host.client(await keyOf(scopeId, Role.ADMIN));
    const before = await everythingOf(plane.database, scopeId);
    await expect(
      admin.members.setBinding({ scopeId, email: 'member@example.com', role: Role.OWNER }),
    ).rejects.toMatchObject({ code: Code.PermissionDenied });
    await expect(admin.apiKeys.createApiKey({ scopeId, name: 'more', role: Role.OWNER })).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
    const { bindings } = await owner.members.listBindings({ orgId: scopeId });
    for (const { id } of bindings.filter((b) => b.role === Role.OWNER))
      await expect(admin.members.deleteBinding({ bindingId: id })).rejects.toMatchObject({
        code: Code.PermissionDenied,
      });
    expect(await everythingOf(plane.database, scopeId)).toBe(before);
  });

  it('of the last owner stays', async () => {
    const orgId = ids['org_id'] ?? '';
    const { bindings } = await owner.members.listBindings({ orgId });
    const bindingId = bindings.find((b) => b.role === Role.OWNER)?.id ?? '';
    await expect(owner.members.deleteBinding({ bindingId })).rejects.toMatchObject({ code: Code.FailedPrecondition });
  });
});

describe('a key of one project', () => {
  it('sees no other project, in no list and by no id', async () => {
    const { project } = await owner.projects.createProject({ workspaceId: ids['workspace_id'] ?? '', name: 'other' });
    const otherId = project?.id ?? '';
    const key = plane.host.client(await keyOf(otherId, Role.OWNER));
    const unseen = { code: Code.NotFound };
    expect((await key.clusters.listClusters({ projectId: otherId })).clusters).toEqual([]);
    await expect(key.clusters.listClusters({ projectId: ids['project_id'] ?? '' })).rejects.toMatchObject(unseen);
    await expect(key.clusters.getCluster({ clusterId: ids['cluster_id'] ?? '' })).rejects.toMatchObject(unseen);
    const { projects } = await key.projects.listProjects({ orgId: ids['org_id'] ?? '' });
    expect(projects.map((each) => each.id)).toEqual([otherId]);
    expect((await key.workspaces.listWorkspaces({ orgId: ids['org_id'] ?? '' })).workspaces).toEqual([]);
    await eventsOrdered(plane.database, ids['org_id'] ?? '');
    const { events } = await key.events.listEvents({ orgId: ids['org_id'] ?? '' });
    expect(events).not.toHaveLength(0);
    expect(new Set(events.map((each) => each.projectId))).toEqual(new Set([otherId]));
    const { bindings } = await key.accounts.whoAmI({});
    expect(bindings.map((b) => b.scopeId)).toEqual([otherId]);
  });
});

describe('a member of one project', () => {
  it('reads the templates and what the agents are called and do, which the project may use, and no more of them', async () => {
    const [orgId = '', agentId = '', templateId = ''] = ['org_id', 'agent_id', 'template_id'].map((name) => ids[name]);
    const key = plane.host.client(await keyOf(ids['project_id'] ?? '', Role.VIEWER));
    const { templates } = await key.templates.listTemplates({ orgId });
    expect(templates.map((each) => each.id)).toContain(templateId);
    expect((await key.templates.getTemplate({ orgId, templateId })).template?.id).toBe(templateId);
    const templateVersionId = ids['template_version_id'] ?? '';
    expect((await key.templates.getTemplateVersion({ orgId, templateVersionId })).version?.source).toBe(source);
    expect((await key.templates.listTemplateVersions({ orgId, templateId })).versions).not.toHaveLength(0);
    const { agents } = await key.agents.listAgents({ orgId });
    const { agent } = await key.agents.getAgent({ agentId });
    for (const each of [agents[0], agent]) {
      expect(each).toMatchObject({ id: agentId, name: expect.any(String), sealingKey: { keyId: expect.any(String) } });
      expect(each?.state).not.toBe(0);
      expect([each?.version, each?.inventory, each?.lastSeenAt, each?.certificateEndsAt]).toEqual([
        '',
        undefined,
        undefined,
        undefined,
      ]);
    }
    const hidden = key.agents.listAgents({ orgId, orderBy: 'version desc' });
    await expect(hidden).rejects.toMatchObject({ code: Code.InvalidArgument });
    for (const refused of [
      () => key.agents.pingAgent({ agentId }),
      () => key.agents.deleteAgent({ agentId, revision: 1n }),
      () => key.templates.deleteTemplate({ orgId, templateId, revision: 1n }),
      () => key.agents.createJoinToken({ orgId, agentName: 'more' }),
    ])
      await expect(refused()).rejects.toMatchObject({ code: Code.NotFound });
  });

  it('reads none of them where it is denied to them', async () => {
    const [orgId = '', scopeId = ''] = [ids['org_id'], ids['project_id']];
    const { serviceAccount } = await owner.serviceAccounts.createServiceAccount({ orgId, name: 'denied' });
    const subject = `service_account:${serviceAccount?.id ?? ''}`;
    await owner.members.setBinding({ scopeId, subject, role: Role.VIEWER });
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.VIEWER, effect: Effect.DENY });
    const wanted = { scopeId: orgId, name: 'denied', serviceAccountId: serviceAccount?.id ?? '' };
    const { secret } = await owner.apiKeys.createApiKey(wanted);
    const key = plane.host.client(secret);
    for (const refused of [() => key.templates.listTemplates({ orgId }), () => key.agents.listAgents({ orgId })])
      await expect(refused()).rejects.toMatchObject({ code: Code.NotFound });
  });
});

describe('a credential that ended', () => {
  /** Waits at most as long as a revocation may take. */
  const refused = (credential: string, withinMs = 5_000) =>
    until(
      'the credential to be refused',
      () =>
        plane.host
          .client(credential)
          .accounts.whoAmI({})
          .then(
            () => false,
            (error: { code?: Code }) => error.code === Code.Unauthenticated,
          ),
      withinMs,
    );

  it('is refused within 5 s: a revoked key', async () => {
    const { apiKey, secret } = await owner.apiKeys.createApiKey({
      scopeId: ids['org_id'] ?? '',
      name: 'short',
      role: Role.VIEWER,
    });
    await plane.host.client(secret).accounts.whoAmI({});
    await owner.apiKeys.revokeApiKey({ apiKeyId: apiKey?.id ?? '' });
    await refused(secret);
  });

  it('is refused within 5 s: a session that was signed out', async () => {
    const { sessionToken } = await plane.host.client().accounts.signIn({ email: emailOf('owner'), password });
    await plane.host.client(sessionToken).accounts.whoAmI({});
    await plane.host.client(sessionToken).accounts.signOut({});
    await refused(sessionToken);
  });

  it('is refused within 5 s: a key past its time', async () => {
    const expiresAt = timestampFromMs(Date.now() + 1_000);
    const wanted = { scopeId: ids['org_id'] ?? '', name: 'late', role: Role.VIEWER, expiresAt };
    const { secret } = await owner.apiKeys.createApiKey(wanted);
    await plane.host.client(secret).accounts.whoAmI({});
    await refused(secret, 6_000);
  });

  it('is refused within 5 s: a role that was taken away', async () => {
    const orgId = ids['org_id'] ?? '';
    const { sessionToken } = await plane.host.client().accounts.signIn({ email: emailOf('member'), password });
    const bindingId = await freshBinding(orgId);
    const member = plane.host.client(sessionToken);
    await until(
      'the role to hold',
      () =>
        member.organizations.getOrganization({ orgId }).then(
          () => true,
          () => false,
        ),
      5_000,
    );
    await owner.members.deleteBinding({ bindingId });
    await until(
      'the organization to be out of reach',
      () =>
        member.organizations.getOrganization({ orgId }).then(
          () => false,
          (error: { code?: Code }) => error.code === Code.NotFound,
        ),
      5_000,
    );
  });
});

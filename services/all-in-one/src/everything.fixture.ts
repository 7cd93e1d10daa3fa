import { createHash } from 'node:crypto';
import { Role } from '@truffle/api/tenant/v1/account';
import { newId } from '@truffle/ids';
import { testSite, type TestSite } from '@truffle/testkit';
import { aloof, distant, noToken, nowhere, source } from './contract.fixture.ts';
import type { ControlPlane, Owner } from './control-plane.fixture.ts';

/** One organization with one of everything. */
export interface Everything {
  readonly owner: Owner;
  readonly userId: string;
  /** An id for each name of an id-bearing field. */
  readonly ids: Readonly<Record<string, string>>;
  readonly site?: TestSite;
}

/** Makes one of everything that needs no site in `owner`'s organization. */
export async function makeEverything(plane: ControlPlane, owner: Owner, name: string): Promise<Everything> {
  const { client, orgId, workspaceId, projectId } = owner;
  const { template, version } = await client.templates.createTemplateVersion({ orgId, source });
  const { apiKey } = await client.apiKeys.createApiKey({ scopeId: orgId, name: 'key', role: Role.VIEWER });
  const { auditStream } = await client.auditStreams.createAuditStream({ orgId, name: 'siem', target: nowhere });
  const { connection } = await client.connections.createConnection({ orgId, ...aloof });
  const { trust } = await client.trusts.createTrust({ scopeId: orgId, ...distant });
  const { bindings } = await client.members.listBindings({ orgId });
  const invited = { scopeId: orgId, email: `${name}-guest@example.com`, role: Role.VIEWER };
  const { invitation } = await client.invitations.createInvitation(invited);
  const { role } = await client.roles.createRole({ orgId, name: 'own', permissions: ['cluster.get'] });
  const { group } = await client.groups.createGroup({ orgId, name: 'own' });
  const { serviceAccount } = await client.serviceAccounts.createServiceAccount({ orgId, name: 'own' });
  const { sessions } = await client.sessions.listSessions({});
  const { factorId } = await client.factors.startTotp({ name: 'phone' });
  const userId = (await client.accounts.whoAmI({})).user?.id ?? '';
  const ids = {
    org_id: orgId,
    workspace_id: workspaceId,
    project_id: projectId,
    scope_id: projectId,
    template_id: template?.id ?? '',
    template_version_id: version?.id ?? '',
    api_key_id: apiKey?.id ?? '',
    audit_stream_id: auditStream?.id ?? '',
    connection_id: connection?.id ?? '',
    trust_id: trust?.id ?? '',
    token_id: await workloadToken(plane, orgId, trust?.id ?? ''),
    identity_id: await linkedIdentity(plane, orgId, connection?.id ?? '', userId),
    binding_id: bindings[0]?.id ?? '',
    role_id: role?.id ?? '',
    group_id: group?.id ?? '',
    service_account_id: serviceAccount?.id ?? '',
    resource_id: projectId,
    invitation_id: invitation?.id ?? '',
    session_id: sessions[0]?.id ?? '',
    factor_id: factorId,
    subject: `user:${userId}`,
    actor: `user:${userId}`,
    // A snapshot is named by the command that made it.
    snapshot: `tf-${newId('cmd')}`,
  };
  return { owner, userId, ids };
}

/** The same, with a site, and a cluster that runs there. */
export async function makeEverythingAtSite(plane: ControlPlane, owner: Owner, name: string): Promise<Everything> {
  const bare = await makeEverything(plane, owner, name);
  const { client, orgId, projectId } = owner;
  const site = await testSite({ client, url: plane.host.url, orgId });
  plane.whenClosed(() => site.close());
  const templateVersionId = bare.ids['template_version_id'] ?? '';
  const spec = { name: 'secret-plans', agentId: site.agentId, templateVersionId };
  const { cluster, operation } = await client.clusters.createCluster({ projectId, spec });
  for await (const _ of client.operations.watchOperation({ operationId: operation?.id ?? '' }));
  const { servers } = await client.servers.listServers({ clusterId: cluster?.id ?? '' });
  const { agent } = await client.agents.getAgent({ agentId: site.agentId });
  const ids = {
    ...bare.ids,
    key_id: agent?.sealingKey?.keyId ?? '',
    agent_id: site.agentId,
    cluster_id: cluster?.id ?? '',
    operation_id: operation?.id ?? '',
    server_id: servers[0]?.id ?? '',
  };
  return { ...bare, ids, site };
}

/** A workload's token as an exchange leaves it. */
async function workloadToken({ database }: ControlPlane, orgId: string, trustId: string): Promise<string> {
  const id = noToken.replace(/0{26}$/, newId('wkt').slice(4));
  await database.admin.query(
    `insert into tenant.workload_token (org_id, id, trust_id, subject, secret_sha256, address, created_at, expires_at)
     values ($1, $2, $3, 'repo:acme/web', $4, '', now(), now() + interval '1 hour')`,
    [orgId, id, trustId, createHash('sha256').update(id).digest()],
  );
  return id;
}

/** A link as a sign-in by a provider leaves it. */
async function linkedIdentity(
  { database }: ControlPlane,
  orgId: string,
  connectionId: string,
  userId: string,
): Promise<string> {
  const id = newId('idn');
  await database.admin.query(
    `insert into tenant.linked_identity (org_id, id, connection_id, issuer, subject, user_id, created_at, last_used_at)
     values ($1, $2, $3, $4, $2, $5, now(), now())`,
    [orgId, id, connectionId, aloof.issuer, userId],
  );
  return id;
}

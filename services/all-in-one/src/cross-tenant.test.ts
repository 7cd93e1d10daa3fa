import type { DescField } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { Access } from '@truffle/api/options/v1/method';
import { rulesOf } from '@truffle/kit';
import { testSite, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aloof,
  byPermission,
  call,
  distant,
  everyMethod,
  everythingOf,
  noToken,
  noSession,
  requestOf,
  source,
  nowhere,
} from './contract.fixture.ts';
import { startControlPlane, type ControlPlane, type Owner } from './control-plane.fixture.ts';

/** One organization with one of everything. */
interface Tenant {
  readonly token: string;
  /** An id for each name of an id-bearing field. */
  readonly ids: Readonly<Record<string, string>>;
}

let plane: ControlPlane;
let site: TestSite;
let victim: Tenant;
let attacker: Tenant;

beforeAll(async () => {
  plane = await startControlPlane('victim');
  victim = await makeTenant(plane.owner, 'victim');
  attacker = await makeTenant(await plane.signUp('attacker'), 'attacker');
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

async function makeTenant({ client, token, orgId, workspaceId, projectId }: Owner, name: string): Promise<Tenant> {
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
  const ids: Record<string, string> = {
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
    token_id: noToken,
    session_id: noSession,
    binding_id: bindings[0]?.id ?? '',
    role_id: role?.id ?? '',
    group_id: group?.id ?? '',
    service_account_id: serviceAccount?.id ?? '',
    resource_id: projectId,
    invitation_id: invitation?.id ?? '',
  };
  if (name !== 'victim') return { token, ids };
  site = await testSite({ client, url: plane.host.url, orgId });
  const spec = { name: 'secret-plans', agentId: site.agentId, templateVersionId: ids['template_version_id'] ?? '' };
  const { cluster, operation } = await client.clusters.createCluster({ projectId, spec });
  for await (const _ of client.operations.watchOperation({ operationId: operation?.id ?? '' }));
  const { servers } = await client.servers.listServers({ clusterId: cluster?.id ?? '' });
  return {
    token,
    ids: {
      ...ids,
      agent_id: site.agentId,
      cluster_id: cluster?.id ?? '',
      operation_id: operation?.id ?? '',
      server_id: servers[0]?.id ?? '',
    },
  };
}

/** Names of fields that hold an id of somebody else's: our client at a provider. */
const notOurs = new Set(['client_id']);

/** An answer without the refused calls in the caller's own audit trail: those name what the caller asked for. */
const withoutRefusals = (text: string): string =>
  text === '' ? '' : JSON.stringify(JSON.parse(text), (_, value: unknown) => (isRefusal(value) ? null : value));

const isRefusal = (value: unknown): boolean =>
  (value as { type?: unknown } | null)?.type === 'dev.truffle.call.refused.v1';

describe('another organization', () => {
  it('knows every id-bearing field', () => {
    const fields = byPermission.flatMap(([, , method]) =>
      method.input.fields.filter((f) => f.name.endsWith('_id') && !notOurs.has(f.name)).map((f) => f.name),
    );
    expect([...new Set(fields)].filter((name) => !(name in victim.ids))).toEqual([]);
  });

  it.each(byPermission)('finds nothing by %s and changes nothing', async (_name, service, method) => {
    const before = await everythingOf(plane.database, victim.ids['org_id'] ?? '');
    const answer = await call(
      plane.host.transport(attacker.token),
      service,
      method,
      requestOf(method.input, (f) => victim.ids[f.name]),
    );
    expect(answer, answer.text).toMatchObject({ code: Code.NotFound });
    expect(await everythingOf(plane.database, victim.ids['org_id'] ?? '')).toBe(before);
  });

  it.each(byPermission)(
    'learns nothing by %s on its own resource with the other ids of this one',
    async (_name, service, method) => {
      const { resource } = rulesOf(method);
      const own = attacker.ids[resource];
      if (own === undefined) return;
      const before = await everythingOf(plane.database, victim.ids['org_id'] ?? '');
      const pick = (field: DescField) =>
        field.name === resource && field.parent === method.input ? own : victim.ids[field.name];
      const mixed =
        /_id$/m.test(
          method.input.fields
            .filter((f) => f.name !== resource && !notOurs.has(f.name))
            .map((f) => f.name)
            .join('\n'),
        ) || method.input.fields.some((f) => f.name === 'spec');
      if (!mixed) return;
      const answer = await call(plane.host.transport(attacker.token), service, method, requestOf(method.input, pick));
      if (answer.code !== undefined) expect([Code.NotFound, Code.InvalidArgument], answer.text).toContain(answer.code);
      else
        for (const [name, id] of Object.entries(victim.ids))
          expect(withoutRefusals(answer.text), name).not.toContain(id);
      expect(await everythingOf(plane.database, victim.ids['org_id'] ?? '')).toBe(before);
    },
  );

  it.each(everyMethod.filter(([, , m]) => rulesOf(m).access !== Access.ANONYMOUS))(
    'is asked to sign in by %s',
    async (_name, service, method) => {
      const request = requestOf(method.input, (f) => victim.ids[f.name]);
      expect(await call(plane.host.transport(), service, method, request)).toMatchObject({
        code: Code.Unauthenticated,
      });
      expect(await call(plane.host.transport(`tfk_${'0'.repeat(40)}`), service, method, request)).toMatchObject({
        code: Code.Unauthenticated,
      });
    },
  );
});

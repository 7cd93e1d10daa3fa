import type { DescField } from '@bufbuild/protobuf';
import type { TruffleClient } from '@truffle/api';
import { Access, Idempotency } from '@truffle/api/options/v1/method';
import { Role } from '@truffle/api/tenant/v1/account';
import { rulesOf } from '@truffle/kit';
import { testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, everyMethod, requestOf, source, nowhere } from './contract.fixture.ts';
import { emailOf, password, startControlPlane, type ControlPlane, type Owner } from './control-plane.fixture.ts';
import { refusalOf } from './refusal.fixture.ts';

let plane: ControlPlane;
let site: TestSite;
let other: Owner;
let owner: TruffleClient;
let ids: Record<string, string> = {};

beforeAll(async () => {
  plane = await startControlPlane('auditor');
  owner = plane.owner.client;
  other = await plane.signUp('other');
  const { orgId, workspaceId, projectId } = plane.owner;
  const { template, version } = await owner.templates.createTemplateVersion({ orgId, source });
  const { apiKey } = await owner.apiKeys.createApiKey({ scopeId: orgId, name: 'target', role: Role.VIEWER });
  const { auditStream } = await owner.auditStreams.createAuditStream({ orgId, name: 'siem', target: nowhere });
  site = await testSite({ client: owner, url: plane.host.url, orgId });
  const spec = { name: 'there', agentId: site.agentId, templateVersionId: version?.id ?? '' };
  const { cluster, operation } = await owner.clusters.createCluster({ projectId, spec });
  for await (const _ of owner.operations.watchOperation({ operationId: operation?.id ?? '' }));
  const { servers } = await owner.servers.listServers({ clusterId: cluster?.id ?? '' });
  await plane.signUp('third');
  const { binding } = await owner.members.setBinding({ scopeId: orgId, email: emailOf('third'), role: Role.VIEWER });
  await owner.members.setBinding({ scopeId: orgId, email: emailOf('other'), role: Role.VIEWER });
  ids = {
    org_id: orgId,
    workspace_id: workspaceId,
    project_id: projectId,
    scope_id: projectId,
    template_id: template?.id ?? '',
    template_version_id: version?.id ?? '',
    api_key_id: apiKey?.id ?? '',
    audit_stream_id: auditStream?.id ?? '',
    binding_id: binding?.id ?? '',
    agent_id: site.agentId,
    cluster_id: cluster?.id ?? '',
    operation_id: operation?.id ?? '',
    server_id: servers[0]?.id ?? '',
  };
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

interface Row {
  readonly type: string;
  readonly action: string | null;
  readonly result: string;
  readonly actor_subject: string;
  readonly resource_id: string;
  readonly request_id: string;
  readonly name: string | null;
  readonly address: string | null;
  readonly user_agent: string | null;
  readonly data: Record<string, unknown>;
}

async function eventsOf(orgId: string): Promise<Row[]> {
  const { rows } = await plane.database.admin.query<Row>(
    `select e.type, e.action, e.result, e.actor_subject, e.resource_id, e.request_id, e.data, p.name, p.address, p.user_agent
     from ledger.event e left join ledger.person p on p.org_id = e.org_id and p.id = e.person
     where e.org_id = $1 order by e.occurred_at`,
    [orgId],
  );
  return rows;
}

async function countOf(action: string): Promise<number> {
  const { rows } = await plane.database.admin.query('select 1 from ledger.event where action = $1', [action]);
  return rows.length;
}

const refusals = async (orgId: string): Promise<Row[]> =>
  (await eventsOf(orgId)).filter((row) => row.type === 'dev.truffle.call.refused.v1');

/** Every method that says an audit verb and that a caller with everything may call. Those before a sign-in are tried below. */
const audited = everyMethod.filter(([, , method]) => {
  const rules = rulesOf(method);
  return rules.audit !== '' && rules.access !== Access.ANONYMOUS;
});
/** What ends others' means is called last. */
const last = [
  'DeleteCluster',
  'DeleteProject',
  'DeleteWorkspace',
  'DeleteAgent',
  'ReleaseAgent',
  'DeleteTemplate',
  'SignOut',
];

describe('the audit trail', () => {
  it('has an event of each method that says an audit verb and was done, and of each that was refused', async () => {
    const ordered = audited.toSorted((a, b) => last.indexOf(a[2].name) - last.indexOf(b[2].name));
    const transport = plane.host.transport(plane.owner.token);
    const silent: string[] = [];
    let done = 0;
    for (const [name, service, method] of ordered) {
      const { audit } = rulesOf(method);
      const before = await countOf(audit);
      const request = requestOf(method.input, (field: DescField) => ids[field.name]);
      const answer = await call(transport, service, method, request);
      if (answer.code !== undefined) continue;
      done++;
      if ((await countOf(audit)) === before) silent.push(name);
      // What was begun ends before its means are taken away.
      const operationId = /"operation":\{"id":"(op_\w+)"/.exec(answer.text)?.[1];
      if (operationId !== undefined) for await (const _ of owner.operations.watchOperation({ operationId }));
    }
    expect(silent).toEqual([]);
    expect(done).toBeGreaterThan(12);
  }, 120_000);

  it('says who, from where, with what, in which request', async () => {
    const rows = await eventsOf(plane.owner.orgId);
    const created = rows.find((row) => row.action === 'cluster.create');
    expect(created).toMatchObject({ name: emailOf('auditor'), address: '127.0.0.1', result: 'OK' });
    expect(created?.user_agent).toContain('connect-es');
    const signUp = rows.find((row) => row.type === 'dev.truffle.account.signed_up.v1');
    expect(signUp).toMatchObject({ action: 'account.sign_up', address: '127.0.0.1' });
    const listed = rows.find((row) => row.action === 'api_key.list');
    expect(listed).toMatchObject({ type: 'dev.truffle.call.read.v1', resource_id: plane.owner.orgId });
  });

  it('tells of refusals: permission, reach, wrong password, and many as few', async () => {
    const { orgId } = plane.owner;
    const viewer = other.client;
    for (let i = 0; i < 40; i++)
      expect(await refusalOf(viewer.workspaces.createWorkspace({ orgId, name: `w${i}` }))).toBe(
        'PermissionDenied PERMISSION_DENIED',
      );
    await until('the refusal is there', async () =>
      (await refusals(orgId)).some((row) => row.action === 'workspace.create' && row.result === 'PERMISSION_DENIED'),
    );
    const own = (await refusals(orgId)).filter((row) => row.action === 'workspace.create');
    expect(own.length).toBeLessThan(4);
    expect(own[0]).toMatchObject({
      name: emailOf('other'),
      resource_id: orgId,
      data: { permission: 'workspace.create', count: 1 },
    });

    const stranger = await plane.signUp('stranger');
    const found = await refusalOf(stranger.client.clusters.getCluster({ clusterId: ids['cluster_id'] ?? '' }));
    expect(found).toBe('NotFound NOT_FOUND');
    await until('what was out of reach is there', async () =>
      (await refusals(stranger.orgId)).some(
        (row) => row.result === 'NOT_FOUND' && row.resource_id === ids['cluster_id'],
      ),
    );
    expect(
      await refusalOf(plane.host.client().accounts.signIn({ email: emailOf('stranger'), password: `${password}x` })),
    ).toBe('Unauthenticated WRONG_CREDENTIALS');
    await until('the wrong password is there', async () =>
      (await refusals(stranger.orgId)).some(
        (row) => row.result === 'WRONG_CREDENTIALS' && row.actor_subject === 'anonymous',
      ),
    );
  }, 60_000);

  it('names a verb for every write and for what is sensitive to read', () => {
    const without = everyMethod.filter(
      ([, , m]) => rulesOf(m).audit === '' && rulesOf(m).idempotency !== Idempotency.SAFE,
    );
    expect(without.map(([name]) => name)).toEqual(['AgentService/PingAgent']);
    const reads = everyMethod.filter(
      ([, , m]) => rulesOf(m).audit !== '' && rulesOf(m).idempotency === Idempotency.SAFE,
    );
    expect(reads.map(([name]) => name)).toContain('ApiKeyService/ListApiKeys');
  });
});

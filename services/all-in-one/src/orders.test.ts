import { create, type DescMethod, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '@truffle/api/google/rpc/error_details';
import { Role } from '@truffle/api/tenant/v1/account';
import { PageRequestSchema, type PageInfo } from '@truffle/api/type/v1/page';
import { OrderedPage, type Ordering, type ServiceRole } from '@truffle/database';
import { isPaged, rulesOf } from '@truffle/kit';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentOrdering } from '../../agent-gateway/src/agent/agent.repo.ts';
import { clusterOrdering } from '../../orchestration/src/cluster/cluster.repo.ts';
import { operationOrdering } from '../../orchestration/src/operation/operation.repo.ts';
import { projectServerOrdering, serverOrdering } from '../../orchestration/src/server/server.repo.ts';
import { ownOrdering } from '../../template/src/template/template.repo.ts';
import { keyOrdering } from '../../tenant/src/api-key/api-key.repo.ts';
import { streamOrdering } from '../../tenant/src/audit-stream/audit-stream.repo.ts';
import { bindingOrdering } from '../../tenant/src/binding/binding.repo.ts';
import { connectionOrdering } from '../../tenant/src/connection/connection.repo.ts';
import { domainOrdering } from '../../tenant/src/connection/domain.repo.ts';
import { groupMemberOrdering, groupOrdering } from '../../tenant/src/group/group.repo.ts';
import { invitationOrdering } from '../../tenant/src/invitation/invitation.repo.ts';
import { projectOrdering } from '../../tenant/src/project/project.repo.ts';
import { roleOrdering } from '../../tenant/src/role/role.repo.ts';
import { serviceAccountOrdering } from '../../tenant/src/service-account/service-account.repo.ts';
import { tokenOrdering, trustOrdering } from '../../tenant/src/trust/trust.repo.ts';
import { workspaceOrdering } from '../../tenant/src/workspace/workspace.repo.ts';
import { everyMethod } from './contract.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';
import { fillLists } from './orders.fixture.ts';

const ordered = everyMethod.filter(([, , method]) => rulesOf(method).orders.length > 0);
const fieldsOf = (method: DescMethod): string[] => rulesOf(method).orders.map((each) => each.split(' ')[0] ?? '');

let plane: ControlPlane;
let ids: Readonly<Record<string, string>>;

beforeAll(async () => {
  plane = await startControlPlane('sorted');
  ids = await fillLists(plane.database.admin, plane.owner);
  // Records are chained a moment after what they tell of.
  const { client, orgId } = plane.owner;
  for (let n = 0; n < groups; n++) await client.groups.createGroup({ orgId, name: `group-${n}` });
  await until('the trail to have it all', async () => {
    const { records } = await client.audit.listAuditRecords({ orgId, filter });
    return records.length === groups;
  });
}, 120_000);

afterAll(async () => {
  await plane?.close();
});

const pageSize = 4;
const groups = 10;
/** Records that no test adds to, as asking for some lists does. */
const filter = { action: 'group.create' };

interface Listed {
  readonly rows: readonly unknown[];
  readonly next: string;
}

const isUnary = (method: DescMethod): method is DescMethodUnary => method.methodKind === 'unary';

async function ask(method: DescMethod, orderBy: string, token = '', size = pageSize) {
  const { resource } = rulesOf(method);
  const page = create(PageRequestSchema, { size, token });
  const shape = { [camel(resource)]: ids[resource], showDeleted: true, filter, orderBy, page };
  if (!isUnary(method)) throw new TypeError(`${method.name} is a stream`);
  const transport = plane.host.transport(plane.owner.token);
  const { message } = await transport.unary(method, undefined, undefined, undefined, shape);
  const answer: Message & Record<string, unknown> & { readonly page?: PageInfo } = message;
  const field = method.output.fields.find((each) => each.fieldKind === 'list' && each.listKind === 'message');
  return { rows: answer[field?.localName ?? ''] as readonly unknown[], next: answer.page?.next ?? '' } satisfies Listed;
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const idOf = (row: unknown): string => {
  const { id, domain, subject, event } = row as {
    readonly id?: string;
    readonly domain?: string;
    readonly subject?: string;
    readonly event?: { readonly id: string };
  };
  return id ?? domain ?? event?.id ?? subject ?? '';
};

async function pagesOf(method: DescMethod, orderBy: string): Promise<string[]> {
  const found: string[] = [];
  for (let token = ''; ;) {
    const { rows, next } = await ask(method, orderBy, token);
    found.push(...rows.map(idOf));
    if (next === '') return found;
    expect(rows).toHaveLength(pageSize);
    token = next;
  }
}

describe('a list that can be ordered', { timeout: 60_000 }, () => {
  it('is each one that a table of the console sorts', () => {
    expect(ordered.map(([name]) => name.split('/')[1] ?? '').toSorted()).toEqual([
      'ListAgents',
      'ListApiKeys',
      'ListAuditRecords',
      'ListAuditStreams',
      'ListBindings',
      'ListClusters',
      'ListConnections',
      'ListDomains',
      'ListGroupMembers',
      'ListGroups',
      'ListInvitations',
      'ListOperations',
      'ListProjectServers',
      'ListProjects',
      'ListRoles',
      'ListServers',
      'ListServiceAccounts',
      'ListTemplates',
      'ListTrusts',
      'ListWorkloadTokens',
      'ListWorkspaces',
    ]);
    for (const [, , method] of ordered) expect(isPaged(method)).toBe(true);
  });

  const ways = ordered.flatMap(([name, , method]) => fieldsOf(method).map((field) => [name, field, method] as const));
  it.each(ways)('%s gives every row once by %s, page after page, in both directions', async (_, field, method) => {
    const all = (await ask(method, '', '', 500)).rows.map(idOf);
    const up = await pagesOf(method, field);
    const down = await pagesOf(method, `${field} desc`);
    expect(all.length).toBeGreaterThan(2 * pageSize);
    expect(new Set(up).size).toBe(up.length);
    expect(up.toSorted()).toEqual(all.toSorted());
    expect(down).toEqual(up.toReversed());
  });

  it.each(ordered)('%s has the order by itself that it names first', async (_, _service, method) => {
    const named = await ask(method, rulesOf(method).orders[0] ?? '', '', 500);
    expect((await ask(method, '', '', 500)).rows.map(idOf)).toEqual(named.rows.map(idOf));
  });

  it.each(ordered)('%s refuses a token of another order, and an order that it has not', async (_, _service, method) => {
    const [field = ''] = fieldsOf(method);
    const { next } = await ask(method, field);
    for (const other of [`${field} desc`, '', ...fieldsOf(method).slice(1)])
      await expect(ask(method, other, next), other).rejects.toMatchObject({
        code: Code.InvalidArgument,
        rawMessage: expect.stringContaining('start again without page.token') as string,
      });
    for (const wrong of ['secret_sha256', `${field} down`, `${field} desc desc`, `${field}, id`, `${field};`]) {
      const refused = await ask(method, wrong).catch((error: unknown) => ConnectError.from(error));
      if (!(refused instanceof ConnectError)) throw new Error(`${wrong} was taken`);
      expect(refused.code).toBe(Code.InvalidArgument);
      const [violation] = refused.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
      expect(violation).toMatchObject({ field: 'order_by', reason: 'UNKNOWN_ORDER' });
      for (const each of fieldsOf(method)) expect(violation?.description).toContain(each);
    }
  });

  it('sorts by what a value is, not by how it is written', async () => {
    const { client, orgId, projectId } = plane.owner;
    const { clusters } = await client.clusters.listClusters({ projectId, orderBy: 'state', showDeleted: true });
    expect(clusters.map(({ state }) => state).slice(-2)).not.toContain(clusters[0]?.state);
    const { apiKeys } = await client.apiKeys.listApiKeys({ orgId, orderBy: 'last_used_at' });
    const used = apiKeys.map(({ lastUsedAt }) => Number(lastUsedAt?.seconds ?? 0n));
    expect(used).toEqual(used.toSorted((a, b) => a - b));
    const { bindings } = await client.members.listBindings({ orgId, orderBy: 'expires_at' });
    const ends = bindings.map(({ expiresAt }) => Number(expiresAt?.seconds ?? 1n << 40n));
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    const { templates } = await client.templates.listTemplates({ orgId, orderBy: 'title' });
    expect(templates.map(({ title }) => title)).toEqual(
      templates.map(({ title }) => title).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
    );
  });

  it('narrows keys to those of a service account', async () => {
    const { client, orgId } = plane.owner;
    const { serviceAccount } = await client.serviceAccounts.createServiceAccount({ orgId, name: 'robot' });
    const serviceAccountId = serviceAccount?.id ?? '';
    await client.members.setBinding({
      scopeId: orgId,
      subject: `service_account:${serviceAccountId}`,
      role: Role.VIEWER,
    });
    await client.apiKeys.createApiKey({ scopeId: orgId, name: 'its', serviceAccountId });
    const { apiKeys } = await client.apiKeys.listApiKeys({ orgId, serviceAccountId, orderBy: 'name' });
    expect(apiKeys.map(({ name }) => name)).toEqual(['its']);
  });
});

type Condition = readonly [column: string, operator: '=' | '<>' | 'is', value: string | null];
const inProject: Condition = ['project_id', '=', 'prj_1'];
const inCluster: Condition = ['cluster_id', '=', 'clu_1'];
const served: readonly (readonly [string, ServiceRole, Ordering, string, ...Condition[]])[] = [
  ['clusters', 'svc_orchestration', clusterOrdering, 'orchestration.cluster as c', inProject],
  ['servers', 'svc_orchestration', serverOrdering, 'orchestration.server', inCluster],
  [
    'servers of a project',
    'svc_orchestration',
    projectServerOrdering,
    'orchestration.server',
    inProject,
    ['state', '<>', 'DELETED'],
  ],
  ['operations', 'svc_orchestration', operationOrdering, 'orchestration.operation as o', inProject],
  ['agents', 'svc_agent_gateway', agentOrdering, 'agent_gateway.agent', ['state', '<>', 'REVOKED']],
  ['templates', 'svc_template', ownOrdering, 'template.template', ['deleted_at', 'is', null]],
  ['keys', 'svc_tenant', keyOrdering, 'tenant.api_key'],
  ['bindings', 'svc_tenant', bindingOrdering, 'tenant.role_binding as b'],
  ['service accounts', 'svc_tenant', serviceAccountOrdering, 'tenant.service_account'],
  ['roles', 'svc_tenant', roleOrdering, 'tenant.role'],
  ['groups', 'svc_tenant', groupOrdering, 'tenant.member_group'],
  ['trusts', 'svc_tenant', trustOrdering, 'tenant.trust'],
  ['invitations', 'svc_tenant', invitationOrdering, 'tenant.invitation'],
  ['domains', 'svc_tenant', domainOrdering, 'tenant.domain'],
  ['projects', 'svc_tenant', projectOrdering, 'tenant.project', ['deleted_at', 'is', null]],
  ['workspaces', 'svc_tenant', workspaceOrdering, 'tenant.workspace', ['deleted_at', 'is', null]],
  ['connections', 'svc_tenant', connectionOrdering, 'tenant.connection'],
  ['members of a group', 'svc_tenant', groupMemberOrdering, 'tenant.group_member', ['group_id', '=', 'grp_1']],
  ['tokens of a trust', 'svc_tenant', tokenOrdering, 'tenant.workload_token', ['trust_id', '=', 'tru_1']],
  ['streams', 'svc_tenant', streamOrdering, 'tenant.audit_stream'],
];

describe('the database', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    const name = new URL(plane.database.adminUrl).pathname.slice(1);
    // From now on only what can not be done in another way is sorted.
    for (const way of ['sort', 'incremental_sort', 'seqscan', 'bitmapscan'])
      await plane.database.admin.query(`alter database ${name} set enable_${way} = off`);
  });

  const orders = served.flatMap(([what, role, ordering, from, ...where]) =>
    Object.keys(ordering.by).map((field) => [what, field, { role, ordering, from, where }] as const),
  );
  it.each(orders)(
    'has an index that gives %s by %s: nothing is sorted',
    async (_, field, { role, ordering, from, where }) => {
      const database = plane.database.open<Record<string, Record<string, unknown>>>(role);
      const page = new OrderedPage(ordering, { field, descending: true }, { size: 2 });
      const plan = await database.tenant(plane.owner.orgId, (tx) => {
        let query = page.of(tx.selectFrom(from).selectAll());
        for (const [column, operator, value] of where) query = query.where(column, operator, value);
        return query.explain('text');
      });
      const text = JSON.stringify(plan);
      expect(text).not.toContain('Sort');
      expect(text).toMatch(/Index Cond: \(.*org_id/);
    },
  );
});

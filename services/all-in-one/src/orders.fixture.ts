import { newId, type IdKind } from '@truffle/ids';
import type pg from 'pg';
import type { Owner } from './control-plane.fixture.ts';

/** Rows of each kind that a list has beyond what signing up made; values repeat, so that ids must break ties. */
const count = 13;
const each = (kind: IdKind): string[] => Array.from({ length: count }, () => newId(kind));
/** The n-th of `values`, over and over; in no order that ids have. */
const cycle = <T>(values: readonly T[], n: number): T => values[(n * 7) % values.length] as T;

/** Fills an organization's lists behind the services' backs: what they would make only one by one, and with more variety. */
export async function fillLists(
  admin: pg.Pool,
  { orgId, projectId }: Owner,
): Promise<Readonly<Record<string, string>>> {
  const put = (table: string, row: Readonly<Record<string, unknown>>) => {
    const names = Object.keys(row);
    const places = names.map((_, i) => `$${i + 1}`).join(', ');
    return admin.query(
      `insert into ${table} (org_id, ${names.join(', ')}) values ('${orgId}', ${places})`,
      Object.values(row),
    );
  };
  const agents = each('agt');
  for (const [n, id] of agents.entries())
    await put('agent_gateway.agent', {
      id,
      name: `site-${(n * 5) % count}`,
      state: cycle(['ONLINE', 'OFFLINE', 'ENROLLED'], n),
      version: cycle(['1.0.0', '1.1.0', ''], n),
      region: '',
      sealing_public_key: Buffer.alloc(32),
      identity_public_key: Buffer.alloc(32),
      certificate_serial: `${n}`,
    });
  const clusters = each('clu');
  for (const [n, id] of clusters.entries())
    await put('orchestration.cluster', {
      id,
      project_id: projectId,
      agent_id: agents[0],
      name: cycle(['shop', 'db', 'cache'], n),
      template_version_id: newId('tpv'),
      template_ref: 'own@1.0.0',
      template: '{"servers":{},"deployments":{}}',
      parameters: '{}',
      // Names are each one's own only among those that are there.
      state: n === 0 ? 'READY' : n === 1 ? 'FAILED' : 'DELETED',
      quota_holder: id,
    });
  const clusterId = clusters[0] ?? '';
  for (const [n, id] of each('srv').entries())
    await put('orchestration.server', {
      id,
      project_id: projectId,
      cluster_id: clusterId,
      agent_id: agents[0],
      name: `shop-${(n * 5) % count}`,
      role: cycle(['web', 'db'], n),
      index: n,
      state: cycle(['READY', 'FAILED', 'PENDING'], n),
      node: cycle(['', 'pve1', 'pve2'], n),
      image: 'debian-12',
      cpu: 1,
      memory_bytes: 1,
      disk_bytes: 1,
      networks: '[]',
    });
  for (const [n, id] of each('op').entries())
    await put('orchestration.operation', {
      id,
      project_id: projectId,
      cluster_id: clusterId,
      kind: cycle(['CREATE', 'STOP_SERVER'], n),
      state: cycle(['SUCCEEDED', 'FAILED', 'CANCELLED'], n),
      initiator: 'user:usr_1',
      request_id: '1',
    });
  await fillTenant(put, orgId);
  await fillAccess(put, orgId);
  return { org_id: orgId, project_id: projectId, cluster_id: clusterId, ...(await fillPlaces(put, orgId)) };
}

type Put = (table: string, row: Readonly<Record<string, unknown>>) => Promise<unknown>;

async function fillTenant(put: Put, orgId: string): Promise<void> {
  const moments = [null, new Date('2031-01-01T00:00:00.001Z'), new Date('2032-01-01')];
  // Finer than a JavaScript date, as PostgreSQL's clock is.
  const made = '2026-01-01T00:00:00.123456Z';
  for (const [n, id] of each('key').entries())
    await put('tenant.api_key', {
      id,
      name: cycle(['ci', 'deploy', 'backup'], n),
      role: 1,
      scope_id: orgId,
      hint: 'tfk_',
      secret_sha256: Buffer.from(id),
      made_by: 'user:usr_1',
      quota_holder: id,
      created_at: made,
      expires_at: cycle(moments, n),
      last_used_at: cycle(moments, n + 1),
    });
  for (const [n, id] of each('sva').entries())
    await put('tenant.service_account', { id, name: `account-${(n * 5) % count}`, description: '', created_at: made });
  for (const [n, id] of each('bnd').entries())
    await put('tenant.role_binding', {
      id,
      subject: `user:${newId('usr')}`,
      role: cycle([1, 2, 3], n),
      scope_id: orgId,
      expires_at: cycle(moments, n),
      created_at: made,
    });
  for (const [n, id] of each('tpl').entries())
    await put('template.template', {
      id,
      // `vm` ships with Truffle too.
      name: n === 3 ? 'vm' : `mine-${(n * 5) % count}`,
      title: cycle(['Database', 'A cache'], n),
      summary: '',
      publisher: '',
      categories: [],
      latest_version: '1.0.0',
      latest_version_id: newId('tpv'),
      created_at: made,
    });
}

/** What a trust is beside its name and issuer. */
const trusted = (orgId: string) => ({
  audience: 'truffle',
  conditions: '[]',
  role: 1,
  scope_id: orgId,
  lifetime_seconds: 900,
  made_by: 'user:usr_1',
});

async function fillAccess(put: Put, orgId: string): Promise<void> {
  // Finer than a JavaScript date, as PostgreSQL's clock is.
  const made = '2026-01-01T00:00:00.123456Z';
  const moments = ['2031-01-01T00:00:00.001234Z', '2032-01-01'];
  for (const [n, id] of each('rol').entries())
    await put('tenant.role', {
      id,
      name: `role-${(n * 5) % count}`,
      description: '',
      permissions: ['cluster.get'],
      created_at: made,
    });
  for (const [n, id] of each('grp').entries())
    await put('tenant.member_group', { id, name: `filled-${(n * 5) % count}`, description: '', created_at: made });
  for (const [n, id] of each('tru').entries())
    await put('tenant.trust', {
      id,
      name: cycle(['ci', 'deploy'], n),
      issuer: cycle(['https://b.example', 'https://a.example', 'https://c.example'], n),
      ...trusted(orgId),
      created_at: made,
    });
  for (const [n, id] of each('inv').entries())
    await put('tenant.invitation', {
      id,
      email: `${cycle(['ben', 'ann'], n)}@example.com`,
      role: 1,
      scope_id: orgId,
      invited_by: 'user:usr_1',
      created_at: made,
      expires_at: cycle(moments, n),
      // One is open at a time of those to one address.
      revoked_at: made,
    });
  const connections = each('con');
  for (const [n, id] of connections.entries())
    await put('tenant.connection', {
      id,
      name: cycle(['staff', 'guests'], n),
      issuer: cycle(['https://b.example', 'https://a.example', 'https://c.example'], n),
      client_id: 'truffle',
      scopes: ['openid'],
      mappings: '[]',
      created_at: made,
    });
  for (let n = 0; n < count; n++)
    await put('tenant.domain', {
      domain: `d${(n * 5) % count}.${orgId.slice(-8)}.example`,
      connection_id: connections[0],
      token: '',
      verified_at: cycle([null, ...moments], n),
      created_at: made,
    });
}

/** Workspaces and projects, and what one group, one trust and the trail have. Returns the ids of the two. */
async function fillPlaces(put: Put, orgId: string): Promise<Readonly<Record<string, string>>> {
  const made = '2026-01-01T00:00:00.123456Z';
  const moments = ['2031-01-01T00:00:00.001234Z', '2031-01-01T00:00:00.001235Z', '2032-01-01'];
  const workspaces = each('wks');
  for (const [n, id] of workspaces.entries())
    await put('tenant.workspace', { id, name: `filled-${(n * 5) % count}`, created_at: made });
  for (const [n, id] of each('prj').entries())
    await put('tenant.project', {
      id,
      workspace_id: workspaces[0],
      name: `filled-${(n * 5) % count}`,
      created_at: made,
    });
  const [group_id, trust_id] = [newId('grp'), newId('tru')];
  await put('tenant.member_group', { id: group_id, name: 'all', description: '', created_at: made });
  for (const [n, id] of each('usr').entries())
    await put('tenant.group_member', { group_id, subject: `user:${id}`, added_at: cycle(moments, n) });
  await put('tenant.trust', {
    id: trust_id,
    name: 'many',
    issuer: 'https://a.example',
    ...trusted(orgId),
    created_at: made,
  });
  for (const [n, id] of each('wkt').entries())
    await put('tenant.workload_token', {
      id,
      trust_id,
      subject: cycle(['repo:b', 'repo:a'], n),
      secret_sha256: Buffer.from(id),
      address: '192.0.2.1',
      created_at: made,
      expires_at: cycle(moments, n),
    });
  for (const [n, id] of each('ast').entries())
    await put('tenant.audit_stream', {
      id,
      name: `stream-${(n * 5) % count}`,
      kind: 1,
      address: 'https://siem.example',
      ca_pem: '',
      cursor_n: 0,
      created_at: made,
      // Nothing is sent.
      disabled_at: made,
    });
  return { group_id, trust_id };
}

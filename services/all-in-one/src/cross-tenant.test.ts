import {
  create,
  toJsonString,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
} from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { Access, Audience } from '@truffle/api/options/v1/method';
import { rulesOf } from '@truffle/kit';
import { testDatabase, testHost, testSite, type TestDatabase, type TestHost, type TestSite } from '@truffle/testkit';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publicServices } from './contract.fixture.ts';
import { everyMigration, everyService } from './services.ts';

/** One organization with one of everything. */
interface Tenant {
  readonly token: string;
  /** An id for each name of an id-bearing field. */
  readonly ids: Readonly<Record<string, string>>;
}

let database: TestDatabase;
let host: TestHost;
let site: TestSite;
let victim: Tenant;
let attacker: Tenant;
const caDir = mkdtempSync(join(tmpdir(), 'truffle-ca-'));

beforeAll(async () => {
  database = await testDatabase(everyMigration);
  host = await testHost(database, everyService, { TRUFFLE_AGENT_LISTEN: '127.0.0.1:0', TRUFFLE_AGENT_CA_DIR: caDir });
  victim = await makeTenant('victim');
  attacker = await makeTenant('attacker');
}, 120_000);

afterAll(async () => {
  await site?.close();
  await host?.close();
  await database?.close();
  rmSync(caDir, { recursive: true, force: true });
}, 60_000);

const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: own, version: 1.0.0, title: Own, summary: One bare server }
servers: { vm: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 10GiB } }
`;

async function makeTenant(name: string): Promise<Tenant> {
  const up = await host
    .client()
    .accounts.signUp({ email: `${name}@example.com`, password: 'correct horse battery', orgName: name });
  const client = host.client(up.sessionToken);
  const orgId = up.organization?.id ?? '';
  const projectId = up.project?.id ?? '';
  const { template, version } = await client.templates.createTemplateVersion({ orgId, source });
  const { apiKey } = await client.apiKeys.createApiKey({ scopeId: orgId, name: 'key', role: Role.VIEWER });
  const { bindings } = await client.members.listBindings({ orgId });
  const ids: Record<string, string> = {
    org_id: orgId,
    workspace_id: up.workspace?.id ?? '',
    project_id: projectId,
    scope_id: projectId,
    template_id: template?.id ?? '',
    template_version_id: version?.id ?? '',
    api_key_id: apiKey?.id ?? '',
    binding_id: bindings[0]?.id ?? '',
  };
  if (name !== 'victim') return { token: up.sessionToken, ids };
  site = await testSite({ client, url: host.url, orgId });
  const spec = { name: 'secret-plans', agentId: site.agentId, templateVersionId: ids['template_version_id'] ?? '' };
  const { cluster, operation } = await client.clusters.createCluster({ projectId, spec });
  for await (const _ of client.operations.watchOperation({ operationId: operation?.id ?? '' }));
  const { servers } = await client.servers.listServers({ clusterId: cluster?.id ?? '' });
  return {
    token: up.sessionToken,
    ids: {
      ...ids,
      agent_id: site.agentId,
      cluster_id: cluster?.id ?? '',
      operation_id: operation?.id ?? '',
      server_id: servers[0]?.id ?? '',
    },
  };
}

const everyMethod: readonly (readonly [string, DescService, DescMethod])[] = publicServices.flatMap((service) =>
  service.methods
    .filter((m) => rulesOf(m).audience === Audience.PUBLIC)
    .map((method) => [`${service.name}/${method.name}`, service, method] as const),
);
const byPermission = everyMethod.filter(([, , method]) => rulesOf(method).access === Access.PERMISSION);

/** A value that each other field accepts. */
const plain: Readonly<Record<string, unknown>> = {
  name: 'fresh',
  agent_name: 'fresh',
  title: 'x',
  email: 'victim@example.com',
  role: Role.VIEWER,
  source,
};

/** A valid request; ids come from `pick`. */
function requestOf(schema: DescMessage, pick: (field: DescField) => string | undefined): Message {
  const message: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const id = pick(field);
    if (id !== undefined) message[field.localName] = id;
    else if (field.name in plain) message[field.localName] = plain[field.name];
    else if (field.fieldKind === 'message' && field.name === 'spec')
      message[field.localName] = requestOf(field.message, pick);
  }
  return create(schema, message);
}

interface Answer {
  readonly code?: Code;
  readonly text: string;
}

/** Calls any method, unary or streaming, and says how it answered (of a stream, its first message). */
async function call(transport: Transport, service: DescService, method: DescMethod, request: Message): Promise<Answer> {
  const client = createClient(service, transport) as unknown as Record<
    string,
    (request: Message, options: object) => unknown
  >;
  const stop = new AbortController();
  try {
    const answer = client[method.localName]?.(request, {
      signal: stop.signal,
      timeoutMs: method.methodKind === 'unary' ? 10_000 : 2_000,
    });
    if (method.methodKind === 'unary') return { text: toJsonString(method.output, (await answer) as Message) };
    for await (const message of answer as AsyncIterable<Message>) return { text: toJsonString(method.output, message) };
    return { text: '' };
  } catch (error) {
    const status = ConnectError.from(error);
    // A stream that has nothing to say.
    if (method.methodKind !== 'unary' && status.code === Code.DeadlineExceeded) return { text: '' };
    return { code: status.code, text: status.message };
  } finally {
    stop.abort();
  }
}

/** Every row of the victim's, as one text; what changes with time alone is left out. */
async function everythingOf(orgId: string): Promise<string> {
  const { rows } = await database.admin.query<{ name: string }>(`
    select format('%I.%I', table_schema, table_name) as name from information_schema.columns
    where column_name = 'org_id' and table_schema in ('tenant', 'template', 'orchestration', 'billing', 'agent_gateway')
    order by 1`);
  const parts = [];
  for (const { name } of rows) {
    const found = await database.admin.query<{ all: string }>(
      `
      select coalesce(string_agg((to_jsonb(t) - '{last_seen_at,last_used_at,inventory,updated_at,open_commands,journal_lsn,lease_until}'::text[])::text, '' order by t::text), '') as all
      from ${name} t where org_id = $1`,
      [orgId],
    );
    parts.push(`${name}: ${found.rows[0]?.all ?? ''}`);
  }
  return parts.join('\n');
}

describe('another organization', () => {
  it('knows every id-bearing field', () => {
    const fields = byPermission.flatMap(([, , method]) =>
      method.input.fields.filter((f) => f.name.endsWith('_id')).map((f) => f.name),
    );
    expect([...new Set(fields)].filter((name) => !(name in victim.ids) && name !== 'resource_id')).toEqual([]);
  });

  it.each(byPermission)('finds nothing by %s and changes nothing', async (_name, service, method) => {
    const before = await everythingOf(victim.ids['org_id'] ?? '');
    const answer = await call(
      host.transport(attacker.token),
      service,
      method,
      requestOf(method.input, (f) => victim.ids[f.name]),
    );
    expect(answer, answer.text).toMatchObject({ code: Code.NotFound });
    expect(await everythingOf(victim.ids['org_id'] ?? '')).toBe(before);
  });

  it.each(byPermission)(
    'learns nothing by %s on its own resource with the other ids of this one',
    async (_name, service, method) => {
      const { resource } = rulesOf(method);
      const own = attacker.ids[resource];
      if (own === undefined) return;
      const before = await everythingOf(victim.ids['org_id'] ?? '');
      const pick = (field: DescField) =>
        field.name === resource && field.parent === method.input ? own : victim.ids[field.name];
      const mixed =
        /_id$/m.test(
          method.input.fields
            .filter((f) => f.name !== resource)
            .map((f) => f.name)
            .join('\n'),
        ) || method.input.fields.some((f) => f.name === 'spec');
      if (!mixed) return;
      const answer = await call(host.transport(attacker.token), service, method, requestOf(method.input, pick));
      if (answer.code !== undefined) expect([Code.NotFound, Code.InvalidArgument], answer.text).toContain(answer.code);
      else for (const [name, id] of Object.entries(victim.ids)) expect(answer.text, name).not.toContain(id);
      expect(await everythingOf(victim.ids['org_id'] ?? '')).toBe(before);
    },
  );

  it.each(everyMethod.filter(([, , m]) => rulesOf(m).access !== Access.ANONYMOUS))(
    'is asked to sign in by %s',
    async (_name, service, method) => {
      const request = requestOf(method.input, (f) => victim.ids[f.name]);
      expect(await call(host.transport(), service, method, request)).toMatchObject({ code: Code.Unauthenticated });
      expect(await call(host.transport(`tfk_${'0'.repeat(40)}`), service, method, request)).toMatchObject({
        code: Code.Unauthenticated,
      });
    },
  );
});

import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { Role } from '@truffle/api/tenant/v1/account';
import { canonicalAad, seal } from '@truffle/sealing';
import { Client, Connection } from '@temporalio/client';
import { testDatabase, testEngines, testSite, type TestDatabase, type TestSite } from '@truffle/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foundIn, formsOf } from './canary.fixture.ts';
import { startProduct, type Product } from './product.fixture.ts';
import { everyMigration } from './services.ts';
import { startCollector, type Collector } from './trace.fixture.ts';

const core = `canary${randomBytes(12).toString('hex')}`;
/** Each encoding writes its ends in another way. */
const given = `a"b ${core}&/é`;
const password = `pass${randomBytes(12).toString('hex')}`;

const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: canary, version: 1.0.0, title: Canary, summary: Two secrets used wherever a template may use them }
parameters:
  given: { type: string, secret: true }
  made: { type: string, secret: true, generate: { length: 32 } }
servers: { vm: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 10GiB } }
deployments:
  app:
    on: [vm]
    files:
      - { path: /etc/app.conf, content: "given=\${{ params.given }} made=\${{ params.made }}" }
    steps:
      - name: tell
        env: { GIVEN: "\${{ params.given }}", MADE: "\${{ params.made }}" }
        run: |
          echo "told $GIVEN and $MADE"
          printf %s "$GIVEN" | base64
          printf %s "x$MADE" | base64
          echo "and again $GIVEN" >&2
outputs:
  dsn: { value: "db://\${{ params.given }}@\${{ params.made }}", sensitive: true }
`;

let database: TestDatabase;
let collector: Collector;
let product: Product;
let site: TestSite;
const folder = mkdtempSync(join(tmpdir(), 'truffle-canary-'));
/** What each place holds, as text. Every one names the cluster or its operation: a place that was not read would pass for clean. */
const sinks: Record<string, string> = {};
const secrets: Record<string, string> = { core, given, password };
let clusterId = '';
let guestFile = '';
let operationLog = '';
let generatedNames: string[] = [];

beforeAll(async () => {
  collector = await startCollector();
  database = await testDatabase(everyMigration);
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  product = await startProduct(database, {
    TRUFFLE_AGENT_LISTEN: '127.0.0.1:0',
    TRUFFLE_AGENT_CA_DIR: join(folder, 'ca'),
    ...traces,
  });
  await deploy(traces);
  await gather();
}, 180_000);

afterAll(async () => {
  await site?.close();
  await product?.close();
  await collector?.close();
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** One deployment with both secrets; everything that the API says about it. */
async function deploy(traces: Readonly<Record<string, string>>): Promise<void> {
  const up = await product.client().accounts.signUp({ email: 'canary@example.com', password, orgName: 'canary' });
  const client = product.client(up.sessionToken);
  const orgId = up.organization?.id ?? '';
  const projectId = up.project?.id ?? '';
  const key = await client.apiKeys.createApiKey({ scopeId: orgId, name: 'key', role: Role.VIEWER });
  sinks['agent log'] = '';
  site = await testSite({
    client,
    url: product.url,
    orgId,
    agentEnv: { TRUFFLE_AGENT_LOG_LEVEL: 'debug', ...traces },
    agentLog: (text) => {
      sinks['agent log'] += text;
    },
  });
  Object.assign(secrets, { session: up.sessionToken, apiKey: key.secret, hypervisor: site.simulator.info.tokenSecret });
  const { version } = await client.templates.createTemplateVersion({ orgId, source });
  const { agentId } = site;
  const { agent } = await client.agents.getAgent({ agentId });
  const { keyId = '', publicKey = new Uint8Array() } = agent?.sealingKey ?? {};
  const bound = { version: 1, keyId, notAfter: Math.floor(Date.now() / 1000) + 3600 };
  const secretId = `${projectId}/hidden/given`;
  const aad = canonicalAad({ tenant: orgId, agent: agentId, secretId, purpose: 'template-parameter', ...bound });
  const sealed = await seal({ publicKey, plaintext: new TextEncoder().encode(given), aad });
  const spec = {
    name: 'hidden',
    agentId,
    templateVersionId: version?.id ?? '',
    secrets: [{ name: 'given', sealed, ...bound, notAfter: BigInt(bound.notAfter) }],
  };
  const answers: unknown[] = [];
  const { plan } = await client.clusters.planCluster({ projectId, spec });
  generatedNames = plan?.generatedSecrets ?? [];
  const created = await client.clusters.createCluster({ projectId, spec });
  clusterId = created.cluster?.id ?? '';
  const operationId = created.operation?.id ?? '';
  let state: OperationState | undefined;
  for await (const seen of client.operations.watchOperation({ operationId })) {
    answers.push(seen);
    state = seen.operation?.state ?? state;
  }
  expect(OperationState[state ?? 0], texted(answers.at(-1))).toBe('SUCCEEDED');
  const { servers } = await client.servers.listServers({ clusterId });
  guestFile =
    site.simulator.cluster.guests
      .get(servers[0]?.vmid ?? 0)
      ?.disk.read('/etc/app.conf')
      ?.toString() ?? '';
  const logs = await client.operations.listOperationLogs({ operationId });
  operationLog = texted(logs);
  answers.push(plan, created, servers, logs, agent);
  answers.push(await client.clusters.getCluster({ clusterId }), await client.clusters.listClusters({ projectId }));
  answers.push(await client.operations.getOperation({ operationId }));
  answers.push(
    await client.events.listEvents({ orgId, page: { size: 200 } }),
    await client.apiKeys.listApiKeys({ orgId }),
  );
  sinks['API answers'] = answers.map(texted).join('\n');
}

/** Ends the processes, so that all is written, and reads every place. */
async function gather(): Promise<void> {
  await site.killAgent();
  const journal = copyOfJournal();
  secrets['made'] = String(journal.prepare('select value from secret').get()?.['value'] ?? '');
  sinks['journal'] = journalText(journal);
  journal.close();
  // What was deleted from it too. The table of secrets made here is in the same files, so of these only the given one counts.
  sinks['journal bytes'] = ['journal.db', 'journal.db-wal'].map((name) => filesIn(join(site.dataDir, name))).join('');
  const { temporalAddress, temporalNamespace, installation, databaseUrl } = testEngines();
  const connection = await Connection.connect({ address: temporalAddress });
  const history = await new Client({ connection, namespace: temporalNamespace }).workflow
    .getHandle(clusterId)
    .fetchHistory();
  await connection.close();
  sinks['workflow history'] = texted(history);
  await product.close();
  sinks['product log'] = product.log();
  sinks['traces'] = collector.bodies.join('\n');
  sinks['database'] = await dump(database.adminUrl);
  for (const name of ['temporal', 'temporal_visibility']) {
    const url = new URL(databaseUrl);
    url.pathname = `/${name}`;
    sinks[`database ${name}`] = await dump(url.href);
  }
  const state = dirname(installation.folder);
  sinks['NATS files'] = filesIn(join(state, 'nats'));
  sinks['engine logs'] = filesIn(join(state, 'logs'));
}

/** A message, a row or a history with its bytes as they are. */
const texted = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return String(inner);
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('latin1');
    const buffer = inner as { type?: unknown; data?: unknown } | null;
    if (buffer?.type === 'Buffer' && Array.isArray(buffer.data))
      return Buffer.from(buffer.data as number[]).toString('latin1');
    return inner;
  }) ?? '';

function copyOfJournal(): DatabaseSync {
  const copy = join(folder, 'journal');
  cpSync(site.dataDir, copy, { recursive: true });
  return new DatabaseSync(join(copy, 'journal.db'));
}

/** Everything but the table that is there to hold secrets. */
function journalText(journal: DatabaseSync): string {
  const tables = journal.prepare(`select name from sqlite_master where type = 'table' and name <> 'secret'`).all();
  return tables.map(({ name }) => texted(journal.prepare(`select * from "${String(name)}"`).all())).join('\n');
}

/** Every row of every table that is not PostgreSQL's own. */
async function dump(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const parts: string[] = [];
    for (const { name } of rows) parts.push(`${name} ${texted((await client.query(`select * from ${name}`)).rows)}`);
    return parts.join('\n');
  } finally {
    await client.end();
  }
}

function filesIn(path: string): string {
  const files = statSync(path).isFile()
    ? [path]
    : readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name));
  return files
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file).toString('latin1'))
    .join('\n');
}

describe('a secret', () => {
  it('reaches the server, given and made', () => {
    expect(generatedNames).toEqual(['made']);
    expect(secrets['made']).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(guestFile).toBe(`given=${given} made=${secrets['made']}`);
  });

  it('is taken out of what a step prints, in whatever way it prints it', () => {
    expect(operationLog).toContain('told [redacted] and [redacted]');
    expect(operationLog).toContain('and again [redacted]');
    expect(foundIn(operationLog, secrets)).toEqual([]);
  });

  it('would be found in each encoding', () => {
    for (const encoding of ['base64', 'base64url', 'hex', 'utf8'] as const)
      for (const before of ['', 'x', 'xy'])
        expect(foundIn(Buffer.from(`${before}${given}tail`).toString(encoding), { given })).not.toEqual([]);
    for (const written of [
      encodeURIComponent(given),
      JSON.stringify({ a: given }),
      JSON.stringify(JSON.stringify({ a: given })),
    ])
      expect(foundIn(written, { given })).not.toEqual([]);
    expect(formsOf(given).size).toBeGreaterThanOrEqual(8);
  });

  it.each([
    'database',
    'database temporal',
    'database temporal_visibility',
    'workflow history',
    'NATS files',
    'engine logs',
    'product log',
    'agent log',
    'traces',
    'API answers',
    'journal',
  ])('is nowhere in: %s', (sink) => {
    const text = sinks[sink] ?? '';
    expect(text.length).toBeGreaterThan(10);
    expect(foundIn(text, secrets)).toEqual([]);
  });

  it('given is nowhere in the bytes of the journal', () => {
    expect(foundIn(sinks['journal bytes'] ?? '', { core, given })).toEqual([]);
  });

  it('was looked for in places that hold the deployment', () => {
    const held = [
      'database',
      'database temporal',
      'database temporal_visibility',
      'NATS files',
      'API answers',
      'journal bytes',
    ];
    expect(held.filter((sink) => sinks[sink]?.includes(clusterId) !== true)).toEqual([]);
  });
});

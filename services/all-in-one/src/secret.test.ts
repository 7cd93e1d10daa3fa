import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { Role } from '@truffle/api/tenant/v1/account';
import { temporalConnection } from '@truffle/kit';
import { canonicalAad, seal } from '@truffle/sealing';
import { Client, Connection } from '@temporalio/client';
import { testDatabase, testEngines, testSite, type TestDatabase, type TestSite } from '@truffle/testkit';
import { freePort } from '@truffle/testkit/free-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foundIn, formsOf } from './canary.fixture.ts';
import { startProduct, type Product } from './product.fixture.ts';
import { everyMigration } from './services.ts';
import { answerOf, bytesIn, copyOfJournal, dump, filesIn, foundInFiles, journalText, texted } from './sinks.fixture.ts';
import { startCollector, type Collector } from './trace.fixture.ts';

const core = `canary${randomBytes(12).toString('hex')}`;
/** Each encoding writes its ends in another way. */
const given = `a"b ${core}&/é`;
/** Given in clear where it does not belong: refused, and forgotten. */
const misplaced = `misplaced${randomBytes(12).toString('hex')}`;
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
const secrets: Record<string, string> = { core, given, password, misplaced };
/** Places that are too large for one text: which secret stands where. */
const findings: Record<string, string[]> = {};
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
  const healthPort = await freePort();
  sinks['agent log'] = '';
  site = await testSite({
    client,
    url: product.url,
    orgId,
    agentEnv: { TRUFFLE_AGENT_LOG_LEVEL: 'debug', TRUFFLE_AGENT_HEALTH_LISTEN: `127.0.0.1:${healthPort}`, ...traces },
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
  await askOverHttp({ credential: up.sessionToken, orgId, projectId, operationId, healthPort, spec });
}

interface Asking {
  readonly credential: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly operationId: string;
  readonly healthPort: number;
  readonly spec: object;
}

/** The same over REST and as errors, where the secret is given in clear too; and what is served beside the API. */
async function askOverHttp(asking: Asking): Promise<void> {
  const { credential, orgId, projectId, operationId, healthPort, spec } = asking;
  const rest = (path: string, body?: string) => answerOf(`${product.url}/v1/${path}`, credential, body);
  const paths = [
    `clusters/${clusterId}`,
    `clusters/${clusterId}/servers`,
    `projects/${projectId}/clusters`,
    `projects/${projectId}/operations`,
    `operations/${operationId}`,
    `operations/${operationId}/logs`,
    `operations/${operationId}:watch`,
    `agents/${site.agentId}`,
    `organizations/${orgId}/events?page.size=200`,
  ];
  const answers = await Promise.all(paths.map((path) => rest(path)));
  expect(answers.filter((answer) => !answer.startsWith('200 '))).toEqual([]);
  sinks['REST answers'] = answers.join('\n');
  const clear = { ...spec, name: 'clear', secrets: [], parameters: { given: misplaced } };
  const sealedAsText = {
    ...spec,
    name: 'text',
    secrets: [{ name: 'given', sealed: misplaced, version: 1, keyId: misplaced }],
  };
  const wrong = [
    ...[clear, sealedAsText].map((each) => rest(`projects/${projectId}/clusters`, JSON.stringify({ spec: each }))),
    rest(`projects/${projectId}/clusters:plan`, JSON.stringify({ spec: clear })),
    rest(`projects/${projectId}/clusters`, `{"spec": {"name": "${misplaced}`),
    answerOf(`${product.url}/v1/clusters/${clusterId}`, misplaced),
    answerOf(
      `${product.url}/truffle.orchestration.v1.ClusterService/CreateCluster`,
      credential,
      JSON.stringify({ projectId, spec: clear }),
    ),
  ];
  const errors = await Promise.all(wrong);
  expect(errors.filter((answer) => !answer.startsWith('4'))).toEqual([]);
  sinks['API errors'] = errors.join('\n');
  sinks['metrics'] = await answerOf(`${product.url}/metrics`, '');
  const health = ['healthz', 'readyz', 'metrics'].map((path) => answerOf(`http://127.0.0.1:${healthPort}/${path}`, ''));
  sinks['agent metrics'] = (await Promise.all(health)).join('\n');
}

/** Ends the processes, so that all is written, and reads every place. */
async function gather(): Promise<void> {
  await site.killAgent();
  const journal = copyOfJournal(site.dataDir, join(folder, 'journal'));
  secrets['made'] = String(journal.prepare('select value from secret').get()?.['value'] ?? '');
  sinks['journal'] = journalText(journal);
  journal.close();
  // What was deleted from it too. The table of secrets made here is in the same files, so of these only the given one counts.
  sinks['journal bytes'] = ['journal.db', 'journal.db-wal'].map((name) => filesIn(join(site.dataDir, name))).join('');
  const { temporalAddress, temporalNamespace, installation, databaseUrl } = testEngines();
  const connection = await Connection.connect(temporalConnection(temporalAddress));
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
  sinks['gateway folder'] = filesIn(join(folder, 'ca'));
  sinks['installation folder'] = filesIn(installation.folder);
  // The engines' files as they lie on the disk: rows that were deleted, and PostgreSQL's log of all writes, among them.
  findings['state folder'] = foundInFiles(state, secrets);
  sinks['state folder'] =
    `${bytesIn(state)} bytes, ${foundInFiles(state, { clusterId }).length} files name ${clusterId}`;
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

  const places = [
    'database',
    'database temporal',
    'database temporal_visibility',
    'workflow history',
    'NATS files',
    'engine logs',
    'product log',
    'agent log',
    'traces',
    'metrics',
    'agent metrics',
    'API answers',
    'REST answers',
    'API errors',
    'journal',
    'gateway folder',
    'installation folder',
    'state folder',
  ];

  it.each(places)('is nowhere in: %s', (sink) => {
    const text = sinks[sink] ?? '';
    expect(text.length).toBeGreaterThan(10);
    expect(foundIn(text, secrets)).toEqual([]);
    expect(findings[sink] ?? []).toEqual([]);
  });

  it('was looked for in at least twelve places, and in each that was read', () => {
    expect(places.length).toBeGreaterThanOrEqual(12);
    expect(Object.keys(sinks).toSorted()).toEqual([...places, 'journal bytes'].toSorted());
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
      'REST answers',
      'state folder',
      'journal bytes',
    ];
    expect(held.filter((sink) => sinks[sink]?.includes(clusterId) !== true)).toEqual([]);
  });
});

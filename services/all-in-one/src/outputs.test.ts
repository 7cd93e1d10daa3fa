import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { programEnvironment } from '@truffle/config';
import { Code, ConnectError } from '@connectrpc/connect';
import type { TruffleClient } from '@truffle/api';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { Role } from '@truffle/api/tenant/v1/account';
import { generateSealingKey, openOutput, recipientText, SealedValueError } from '@truffle/sealing';
import {
  eventsOrdered,
  testDatabase,
  testEngines,
  testSite,
  until,
  type TestDatabase,
  type TestSite,
} from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foundIn } from './canary.fixture.ts';
import { startProduct, type Product } from './product.fixture.ts';
import { everyMigration } from './services.ts';
import { answerOf, copyOfJournal, dump, filesIn, foundInFiles, journalText, texted } from './sinks.fixture.ts';
import { startCollector, type Collector } from './trace.fixture.ts';

const cliProgram = resolve(import.meta.dirname, '../../../cli/src/main.ts');
const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: telling, version: 1.0.0, title: Telling, summary: A password that the site makes }
parameters: { made: { type: string, secret: true, generate: { length: 32 } } }
servers: { vm: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 10GiB } }
deployments:
  app: { on: [vm], files: [{ path: /etc/app.conf, content: "\${{ params.made }}" }] }
outputs:
  host: "\${{ servers.vm[0].address }}"
  dsn: { value: "db://ada:\${{ params.made }}@\${{ servers.vm[0].address }}/app", sensitive: true }
`;

let database: TestDatabase;
let collector: Collector;
let product: Product;
let site: TestSite;
let client: TruffleClient;
let [orgId, clusterId, token, viewer, made, agentLog] = ['', '', '', '', '', ''];
const folder = mkdtempSync(join(tmpdir(), 'truffle-outputs-'));
const policyFile = join(folder, 'policy.yaml');
const answers: string[] = [];

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line of a person who has a home of their own. */
async function truffle(person: string, ...args: readonly string[]): Promise<Ended> {
  const home = join(folder, person);
  mkdirSync(home, { recursive: true });
  const env = { ...programEnvironment(process.env), HOME: home, TRUFFLE_ENDPOINT: product.url, TRUFFLE_TOKEN: token };
  return new Promise((done) =>
    execFile(process.execPath, [cliProgram, ...args], { cwd: home, env, timeout: 60_000 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    ),
  );
}

const keyOf = async (person: string): Promise<string> =>
  (await truffle(person, 'key', 'create', '--output', 'name')).out.trim();
const name = (...keys: readonly string[]) =>
  writeFileSync(policyFile, keys.length === 0 ? '{}\n' : `recipients: [${keys.join(', ')}]\n`, { mode: 0o644 });
const events = async () => {
  await eventsOrdered(database, orgId);
  return (await client.events.listEvents({ orgId, page: { size: 200 } })).events;
};
const codeOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => 'done',
    (error: unknown) => (error instanceof ConnectError ? Code[error.code] : String(error)),
  );

beforeAll(async () => {
  name();
  collector = await startCollector();
  database = await testDatabase(everyMigration);
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  product = await startProduct(database, {
    TRUFFLE_AGENT_LISTEN: '127.0.0.1:0',
    TRUFFLE_AGENT_CA_DIR: join(folder, 'ca'),
    ...traces,
  });
  const password = `pass${randomBytes(12).toString('hex')}`;
  const up = await product.client().accounts.signUp({ email: 'o@example.com', password, orgName: 'outputs' });
  orgId = up.organization?.id ?? '';
  token = up.sessionToken;
  client = product.client(token);
  viewer = (await client.apiKeys.createApiKey({ scopeId: orgId, name: 'viewer', role: Role.VIEWER })).secret;
  site = await testSite({
    client,
    url: product.url,
    orgId,
    agentEnv: { TRUFFLE_AGENT_LOG_LEVEL: 'debug', TRUFFLE_AGENT_POLICY: policyFile, ...traces },
    agentLog: (text) => {
      agentLog += text;
    },
  });
  const { version } = await client.templates.createTemplateVersion({ orgId, source });
  const spec = { name: 'told', agentId: site.agentId, templateVersionId: version?.id ?? '' };
  const created = await client.clusters.createCluster({ projectId: up.project?.id ?? '', spec });
  clusterId = created.cluster?.id ?? '';
  const operationId = created.operation?.id ?? '';
  for await (const seen of client.operations.watchOperation({ operationId })) answers.push(texted(seen));
  const { operation } = await client.operations.getOperation({ operationId });
  expect(OperationState[operation?.state ?? 0], texted(operation)).toBe('SUCCEEDED');
  const { servers } = await client.servers.listServers({ clusterId });
  const disk = site.simulator.cluster.guests.get(servers[0]?.vmid ?? 0)?.disk;
  made = disk?.read('/etc/app.conf')?.toString() ?? '';
}, 180_000);

afterAll(async () => {
  await site?.close();
  await product?.close();
  await collector?.close();
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe('a generated password', () => {
  it('is told to nobody by a site that names nobody, and the person is told which line is missing', async () => {
    const key = await keyOf('ada');
    expect(key).toMatch(/^tfk_/);
    const { code, out, err } = await truffle('ada', 'cluster', 'outputs', 'told', '--reveal');
    expect([code, out]).toEqual([6, '']);
    expect(err).toContain(`recipients: [${key}]`);
    const hidden = JSON.parse((await truffle('ada', 'cluster', 'outputs', 'told', '-o', 'json')).out) as unknown;
    expect(hidden).toEqual({ host: expect.stringMatching(/^[0-9.]+$/), dsn: '(kept on the site)' });
  }, 60_000);

  it('is told to the key that the site names, and is the one that the server has', async () => {
    name((await truffle('ada', 'key', 'show', '-o', 'name')).out.trim());
    const { code, out, err } = await truffle('ada', 'cluster', 'outputs', 'told', '--reveal', '-o', 'json');
    expect(code, err).toBe(0);
    const { host = '', dsn } = JSON.parse(out) as Record<string, string>;
    expect(made).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(dsn).toBe(`db://ada:${made}@${host}/app`);
    expect((await truffle('ada', 'cluster', 'outputs', 'told', '--reveal')).out).toContain(`${dsn}`);
  }, 60_000);

  it('is told to no other key, and both are in the audit', async () => {
    const other = await keyOf('eve');
    const { code, out, err } = await truffle('eve', 'cluster', 'outputs', 'told', '--reveal', '-o', 'json');
    expect([code, out]).toEqual([6, '']);
    expect(err).toContain(`recipients: [${other}]`);
    const refused = await until('the refusal in the audit', async () =>
      (await events()).find(({ type, data }) => type.includes('command.refused_by_site') && data?.['wanted'] === other),
    );
    expect(refused.data).toMatchObject({ reason: 'POLICY_VIOLATION', rule: 'recipients' });
    const asked = (await events()).filter(({ type }) => type.includes('cluster.reveal_requested'));
    expect(asked.map(({ data }) => data?.['recipient'])).toContain(other);
    expect(asked.length).toBeGreaterThanOrEqual(4);
  }, 60_000);

  it('is bound to the request, and sealed by the agent for that key alone', async () => {
    const [mine, stranger] = await Promise.all([generateSealingKey(), generateSealingKey()]);
    name(recipientText(mine.publicKey));
    const [nonce, another] = [randomBytes(16), randomBytes(16)];
    const request = { clusterId, recipientPublicKey: mine.publicKey, nonce };
    const answer = await client.clusters.revealOutputs(request);
    answers.push(texted(answer));
    const body = JSON.stringify({
      recipientPublicKey: Buffer.from(mine.publicKey).toString('base64'),
      nonce: nonce.toString('base64'),
    });
    const rest = await answerOf(`${product.url}/v1/clusters/${clusterId}/outputs:reveal`, token, body);
    expect(rest).toMatch(/^200 /);
    answers.push(rest);
    expect(answer.outputs.map((each) => each.name)).toEqual(['dsn']);
    const sealed = answer.outputs[0]?.sealed ?? new Uint8Array();
    const { agent } = await client.agents.getAgent({ agentId: site.agentId });
    const sender = agent?.sealingKey?.publicKey ?? new Uint8Array();
    const bound = { tenant: orgId, agent: site.agentId, cluster: clusterId, output: 'dsn', nonce };
    const keys = { recipient: mine.privateKey, sender };
    const value = await openOutput(keys, mine.publicKey, sealed, bound);
    expect(new TextDecoder().decode(value)).toContain(made);
    await expect(openOutput(keys, mine.publicKey, sealed, { ...bound, nonce: another })).rejects.toBeInstanceOf(
      SealedValueError,
    );
    const elses = { recipient: stranger.privateKey, sender };
    await expect(openOutput(elses, stranger.publicKey, sealed, bound)).rejects.toBeInstanceOf(SealedValueError);
    expect(await codeOf(product.client(viewer).clusters.revealOutputs(request))).toBe('PermissionDenied');
    expect(await codeOf(client.clusters.revealOutputs({ ...request, nonce: randomBytes(4) }))).toBe('InvalidArgument');
  }, 60_000);

  it('can not be asked for by whoever owns the gateway', async () => {
    const { rows } = await database.admin.query<{ id: string; payload: Buffer }>(
      `select id, payload from agent_gateway.command where op = 'revealOutputs' and state = 'SUCCEEDED' order by n desc limit 1`,
    );
    const { id = '', payload = Buffer.alloc(0) } = rows[0] ?? {};
    const fresh = `${id.slice(0, -4)}0000`;
    // One that orchestration signed for a key that the site names, under another id: even that is nobody's word.
    await database.admin.query(
      `insert into agent_gateway.command (org_id, id, agent_id, resource_key, fence, op, payload, payload_sha256, needs_permit, start_by, run_timeout_ms,
         operation_id, workflow_id, server_id, step_key, traceparent, signature, key_id)
       select org_id, $2, agent_id, resource_key, fence, op, payload, $3, needs_permit, now() + interval '1 minute', run_timeout_ms,
         operation_id, workflow_id, server_id, step_key, traceparent, signature, key_id from agent_gateway.command where id = $1`,
      [id, fresh, createHash('sha256').update(payload).digest()],
    );
    const state = await until(
      'the made-up command to end',
      async () => {
        const found = await database.admin.query<{ state: string }>(
          'select state from agent_gateway.command where id = $1 and ended_at is not null',
          [fresh],
        );
        return found.rows[0]?.state;
      },
      30_000,
    );
    expect(state).toBe('REJECTED');
    await until('the refusal in the audit', async () =>
      (await events()).some(({ data }) => data?.['reason'] === 'SIGNATURE_INVALID'),
    );
  }, 60_000);

  it('is not waited for while the agent is away', async () => {
    await site.killAgent();
    await until(
      'the agent to be seen away',
      async () => {
        const { code, err } = await truffle('ada', 'cluster', 'outputs', 'told', '--reveal');
        return code === 1 && err.includes('truffle agent get');
      },
      60_000,
    );
  }, 90_000);

  it('is in clear nowhere else', async () => {
    answers.push(texted(await events()), texted(await client.clusters.getCluster({ clusterId })));
    const { rows } = await database.admin.query<{ output: Buffer }>(
      `select output from agent_gateway.command where op = 'revealOutputs' and state = 'SUCCEEDED'`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(4);
    await product.close();
    const state = dirname(testEngines().installation.folder);
    const journal = copyOfJournal(site.dataDir, join(folder, 'journal'));
    expect(journal.prepare('select value from secret').get()?.['value']).toBe(made);
    const sinks: Readonly<Record<string, string>> = {
      database: await dump(database.adminUrl),
      'product log': product.log(),
      'agent log': agentLog,
      traces: collector.bodies.join('\n'),
      'API answers': answers.join('\n'),
      journal: journalText(journal),
      'NATS files': filesIn(join(state, 'nats')),
      'engine logs': filesIn(join(state, 'logs')),
      homes: [filesIn(join(folder, 'ada')), filesIn(join(folder, 'eve'))].join('\n'),
    };
    journal.close();
    const seeing = Object.entries(sinks).filter(([, text]) => text.length > 10);
    expect(seeing.map(([sink]) => sink)).toEqual(Object.keys(sinks));
    for (const sink of ['database', 'API answers', 'journal'] as const) expect(sinks[sink]).toContain(clusterId);
    for (const [sink, text] of seeing) expect([sink, foundIn(text, { made })]).toEqual([sink, []]);
    expect(foundInFiles(state, { made })).toEqual([]);
    expect(foundInFiles(state, { clusterId })).not.toEqual([]);
    // The one file that a private key is in holds the one of its owner.
    expect(readFileSync(join(folder, 'ada/.config/truffle/key.json'), 'utf8')).toContain('privateKey');
  }, 120_000);
});

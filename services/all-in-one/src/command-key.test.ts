import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { TruffleClient } from '@truffle/api';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { testDatabase, testSite, until, type TestDatabase, type TestSite } from '@truffle/testkit';
import { freePort } from '@truffle/testkit/free-port';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startProduct, type Product } from './product.fixture.ts';
import { everyMigration } from './services.ts';

const folder = mkdtempSync(join(tmpdir(), 'truffle-rotation-'));
const keys = join(folder, 'command-keys');
let database: TestDatabase;
let product: Product;
let site: TestSite;
let client: TruffleClient;
let env: Record<string, string>;
let credential = '';
let orgId = '';
let projectId = '';
let templateVersionId = '';

beforeAll(async () => {
  database = await testDatabase(everyMigration);
  env = {
    TRUFFLE_AGENT_LISTEN: `127.0.0.1:${await freePort()}`,
    TRUFFLE_AGENT_CA_DIR: join(folder, 'ca'),
    TRUFFLE_COMMAND_KEY_DIR: keys,
  };
  product = await startProduct(database, env);
  const up = await product
    .client()
    .accounts.signUp({ email: 'k@example.com', password: 'correct horse battery', orgName: 'keys' });
  credential = up.sessionToken;
  orgId = up.organization?.id ?? '';
  projectId = up.project?.id ?? '';
  client = product.client(credential);
  const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: bare, version: 1.0.0, title: Bare, summary: One server and nothing on it }
servers: { vm: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 10GiB } }
`;
  templateVersionId = (await client.templates.createTemplateVersion({ orgId, source })).version?.id ?? '';
  // That it loses its session here and refuses a key is what is wanted.
  site = await testSite({ client, url: product.url, orgId, agentLog: () => undefined });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await product?.close();
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Ends the control plane, lets `change` happen to its keys, and starts it; resolves when the agent is back. */
async function restart(change: () => void): Promise<void> {
  await product.close();
  change();
  const since = Date.now();
  product = await startProduct(database, env);
  client = product.client(credential);
  await until(
    'the agent to come back',
    async () => {
      const { agent } = await client.agents.getAgent({ agentId: site.agentId });
      const seen = agent?.lastSeenAt;
      return agent?.state === AgentState.ONLINE && seen !== undefined && timestampMs(seen) >= since;
    },
    60_000,
  );
}

const pinned = (): number => {
  const file = readFileSync(join(site.dataDir, 'identity', 'command-keys.json'), 'utf8');
  return (JSON.parse(file) as { keys: string[] }).keys.length;
};

async function deploy(name: string): Promise<string> {
  const spec = { name, agentId: site.agentId, templateVersionId };
  const { operation } = await client.clusters.createCluster({ projectId, spec });
  const operationId = operation?.id ?? '';
  for await (const seen of client.operations.watchOperation({ operationId })) void seen;
  const ended = (await client.operations.getOperation({ operationId })).operation;
  return `${OperationState[ended?.state ?? 0]} ${ended?.failure?.reason ?? ''}`.trim();
}

const addKey = (number: number) => () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(keys, `${number}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
};
const removeKey = (number: number) => () => rmSync(join(keys, `${number}.pem`));

it('keys of commands rotate with overlap, and not without', async () => {
  expect(await deploy('first')).toBe('SUCCEEDED');
  await restart(addKey(2));
  await until('the announced key to be pinned', () => pinned() === 2);
  expect(await deploy('second')).toBe('SUCCEEDED');
  await restart(removeKey(1));
  await until('the old key to be let go', () => pinned() === 1);
  expect(await deploy('third')).toBe('SUCCEEDED');
  // A key that nobody announced is nobody's word.
  await restart(() => {
    addKey(3)();
    removeKey(2)();
  });
  expect(await deploy('fourth')).toBe('FAILED SIGNATURE_INVALID');
  expect(site.vms()).toHaveLength(3);
}, 180_000);

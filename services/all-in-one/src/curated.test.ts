import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { OperationState, StepState } from '@truffle/api/orchestration/v1/operation';
import type { TruffleClient } from '@truffle/api';
import {
  agentBundle,
  testDatabase,
  testHost,
  testSite,
  type TestDatabase,
  type TestHost,
  type TestSite,
} from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everyMigration, everyService } from './services.ts';

const curated = readdirSync(resolve(import.meta.dirname, '../../../templates'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

let database: TestDatabase;
let host: TestHost;
let site: TestSite;
let client: TruffleClient;
let orgId = '';
let projectId = '';
const caDir = mkdtempSync(join(tmpdir(), 'truffle-ca-'));

beforeAll(async () => {
  database = await testDatabase(everyMigration);
  host = await testHost(database, everyService, { TRUFFLE_AGENT_LISTEN: '127.0.0.1:0', TRUFFLE_AGENT_CA_DIR: caDir });
  const signedUp = await host
    .client()
    .accounts.signUp({ email: 'o@example.com', password: 'correct horse battery', orgName: 'acme' });
  orgId = signedUp.organization?.id ?? '';
  projectId = signedUp.project?.id ?? '';
  client = host.client(signedUp.sessionToken);
  // The agent as customers get it: what it loads late is loaded here.
  site = await testSite({ client, url: host.url, orgId, agentProgram: await agentBundle() });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await host?.close();
  await database?.close();
  rmSync(caDir, { recursive: true, force: true });
}, 60_000);

/** What a newcomer does first with each of them: deploys it as it is, then deletes it. */
describe('a curated template, with nothing filled in', () => {
  it.each(curated)('%s comes up healthy on the simulated site, and goes', { timeout: 90_000 }, async (template) => {
    const { templates } = await client.templates.listTemplates({ orgId, name: template });
    const spec = { name: template, agentId: site.agentId, templateVersionId: templates[0]?.latestVersionId ?? '' };
    const { cluster, operation } = await client.clusters.createCluster({ projectId, spec });
    await expect(endOf(operation?.id ?? '')).resolves.toMatch(/^SUCCEEDED/);
    const { operation: deletion } = await client.clusters.deleteCluster({ clusterId: cluster?.id ?? '' });
    await expect(endOf(deletion?.id ?? '')).resolves.toMatch(/^SUCCEEDED/);
    expect(site.vms()).toEqual([]);
  });
});

/** How an operation ended, with its failure and steps for who reads a failed test. */
async function endOf(operationId: string): Promise<string> {
  let said = 'nothing was said';
  for await (const { operation } of client.operations.watchOperation({ operationId }))
    if (operation !== undefined)
      said = `${OperationState[operation.state]} ${operation.failure?.message ?? ''} ${operation.steps
        .map((step) => `${step.key} ${StepState[step.state]} ${step.detail}`)
        .join(', ')}`;
  return said;
}

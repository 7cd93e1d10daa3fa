import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { OperationState, StepState } from '@truffle/api/orchestration/v1/operation';
import type { TruffleClient } from '@truffle/api';
import { agentBundle, testSite, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

const curated = readdirSync(resolve(import.meta.dirname, '../../../templates'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

let plane: ControlPlane;
let site: TestSite;
let client: TruffleClient;
let orgId = '';
let projectId = '';

beforeAll(async () => {
  plane = await startControlPlane('acme');
  ({ client, orgId, projectId } = plane.owner);
  // The agent as customers get it: what it loads late is loaded here.
  site = await testSite({ client, url: plane.host.url, orgId, agentProgram: await agentBundle() });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
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

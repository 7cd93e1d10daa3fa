import { AgentState } from '@truffle/api/agent/v1/agent';
import { OperationState, StepState, type Operation } from '@truffle/api/orchestration/v1/operation';
import type { TruffleClient } from '@truffle/api';
import { testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReplicas, type Replicas } from './replicas.fixture.ts';

let replicas: Replicas;
let site: TestSite;
let client: TruffleClient;
let orgId = '';
let projectId = '';

beforeAll(async () => {
  replicas = await startReplicas(1);
  const signedUp = await replicas.edge
    .client()
    .accounts.signUp({ email: 'o@example.com', password: 'correct horse battery', orgName: 'acme' });
  orgId = signedUp.organization?.id ?? '';
  projectId = signedUp.project?.id ?? '';
  client = replicas.edge.client(signedUp.sessionToken);
  site = await testSite({ client, url: replicas.edge.url, orgId, simulator: { cloneMs: 700, bootMs: 500 } });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await replicas?.close();
}, 60_000);

const vmsOf = (cluster: string): string[] => site.vms().filter((name) => name.startsWith(`${cluster}-`));
const clones = (): number =>
  [...site.simulator.cluster.tasks.byUpid.values()].filter(({ parts }) => parts.type === 'qmclone').length;

/** Begins a cluster of six servers, and answers once the first of them is on the hypervisor. */
async function begin(name: string): Promise<string> {
  const { templates } = await client.templates.listTemplates({ orgId, name: 'vm' });
  const templateVersionId = templates[0]?.latestVersionId ?? '';
  const spec = { name, agentId: site.agentId, templateVersionId, parameters: { count: 6 } };
  const { operation } = await client.clusters.createCluster({ projectId, spec });
  await until('a VM to exist', () => vmsOf(name).length > 0, 30_000);
  return operation?.id ?? '';
}

async function ended(operationId: string): Promise<Operation> {
  return until(
    'the operation to end',
    async () => {
      const { operation } = await client.operations.getOperation({ operationId });
      return operation?.endedAt === undefined ? undefined : operation;
    },
    60_000,
  );
}

/** Deploys six servers while `disturbance` happens in the middle of it; then all is there, and once. */
async function deployThrough(name: string, disturbance: () => Promise<unknown>): Promise<void> {
  const before = clones();
  const operationId = await begin(name);
  await disturbance();
  const operation = await ended(operationId);
  const steps = JSON.stringify(operation.steps.map((s) => [s.key, StepState[s.state], s.detail]));
  expect(OperationState[operation.state], steps).toBe('SUCCEEDED');
  expect(vmsOf(name).toSorted()).toEqual([0, 1, 2, 3, 4, 5].map((i) => `${name}-vm-${i}`));
  expect(clones() - before, 'clones on the hypervisor').toBe(6);
  const { rows } = await replicas.database.admin.query<{ state: string; commands: string }>(
    'select state, count(*) as commands from agent_gateway.command where operation_id = $1 group by state',
    [operationId],
  );
  expect(rows).toEqual([
    { state: 'SUCCEEDED', commands: String(operation.steps.filter((s) => s.serverId !== '').length) },
  ]);
}

const holder = () => until('a replica to hold the agent', () => replicas.holderOf(site.agentId), 30_000);

describe('a deployment', () => {
  it('carries on with the next gateway when the only one is killed', { timeout: 90_000 }, () =>
    deployThrough('alone', async () => {
      await (await holder()).kill();
      await replicas.startGateway();
    }),
  );

  it('carries on with another replica when the one that holds the agent is killed', { timeout: 90_000 }, async () => {
    const dying = await holder();
    await replicas.startGateway();
    await deployThrough('replaced', () => dying.kill());
    const heir = await holder();
    expect(heir.id).not.toBe(dying.id);
  });

  it('does not notice a rolling update of the gateways', { timeout: 120_000 }, async () => {
    const old = await holder();
    const isOffline = async (): Promise<boolean> =>
      (await client.agents.getAgent({ agentId: site.agentId })).agent?.state !== AgentState.ONLINE;
    await replicas.startGateway();
    const since = new Date();
    await deployThrough('rolled', () => old.drain());
    const { rows } = await replicas.database.admin.query(
      `select from ledger.event where type = 'dev.truffle.agent.offline.v1' and occurred_at >= $1`,
      [since],
    );
    expect(rows, 'times that the agent was told as offline').toEqual([]);
    expect(await isOffline()).toBe(false);
  });

  it('carries on when the network between agents and gateways breaks', { timeout: 90_000 }, () =>
    deployThrough('cut', async () => replicas.agents.cut()),
  );
});

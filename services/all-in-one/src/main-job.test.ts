import { OperationState, StepState, type Operation } from '@truffle/api/orchestration/v1/operation';
import { ClusterState, ServerState } from '@truffle/api/orchestration/v1/cluster';
import type { TruffleClient } from '@truffle/api';
import { eventsOrdered, testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let site: TestSite;
let client: TruffleClient;
let orgId = '';
let projectId = '';

beforeAll(async () => {
  plane = await startControlPlane('acme');
  ({ client, orgId, projectId } = plane.owner);
  site = await testSite({ client, url: plane.host.url, orgId, simulator: { cloneMs: 300, bootMs: 200 } });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

const templateVersion = async (name: string): Promise<string> => {
  const { templates } = await client.templates.listTemplates({ orgId, name });
  return templates[0]?.latestVersionId ?? '';
};

const create = async (name: string, template: string, parameters: Record<string, string | number> = {}) => {
  const spec = { name, agentId: site.agentId, templateVersionId: await templateVersion(template), parameters };
  const { cluster, operation } = await client.clusters.createCluster({ projectId, spec });
  return { clusterId: cluster?.id ?? '', operationId: operation?.id ?? '' };
};

const watched = async (
  operationId: string,
  each: (operation: Operation) => void = () => undefined,
): Promise<Operation> => {
  let last: Operation | undefined;
  for await (const { operation } of client.operations.watchOperation({ operationId })) {
    if (operation === undefined) continue;
    last = operation;
    each(operation);
  }
  if (last === undefined) throw new Error('the watch said nothing');
  return last;
};

const explain = (operation: Operation): string =>
  JSON.stringify(
    { failure: operation.failure, steps: operation.steps.map((s) => [s.key, StepState[s.state], s.detail]) },
    undefined,
    1,
  );
const named = (prefix: string): string[] =>
  site
    .vms()
    .filter((name) => name.startsWith(prefix))
    .toSorted();

describe('the main job', () => {
  it('plans, deploys, is watched live, and is destroyed', { timeout: 90_000 }, async () => {
    const spec = { name: 'site', agentId: site.agentId, templateVersionId: await templateVersion('static-site') };
    const { plan } = await client.clusters.planCluster({ projectId, spec });
    expect(plan?.fits).toBe(true);
    expect(plan?.actions.filter((a) => a.resource === 'server')).toHaveLength(3);

    const { clusterId, operationId } = await create('site', 'static-site', { title: 'Hello from Truffle' });
    const seen = new Set<string>();
    const operation = await watched(operationId, (o) =>
      o.steps.forEach((s) => seen.add(`${s.key} ${StepState[s.state]}`)),
    );
    expect(OperationState[operation.state], explain(operation)).toBe('SUCCEEDED');
    expect([...seen]).toContain('server/site-web-0/ensure RUNNING');

    const { cluster } = await client.clusters.getCluster({ clusterId });
    expect(cluster?.state).toBe(ClusterState.READY);
    expect(cluster?.outputs['url']).toMatch(/^http:\/\/\d/);
    const { servers } = await client.servers.listServers({ clusterId });
    expect(servers.map((s) => [s.name, ServerState[s.state]])).toEqual(
      ['site-balancer-0', 'site-web-0', 'site-web-1'].map((name) => [name, 'READY']),
    );
    expect(named('site-')).toEqual(['site-balancer-0', 'site-web-0', 'site-web-1']);
    const { lines } = await client.operations.listOperationLogs({ operationId });
    expect(lines.length).toBeGreaterThan(3);
    const { lines: rest } = await client.operations.listOperationLogs({ operationId, after: lines[1]?.cursor ?? '' });
    expect(rest.map((l) => l.cursor)).toEqual(lines.slice(2).map((l) => l.cursor));

    const { operation: deletion } = await client.clusters.deleteCluster({ clusterId });
    const deleted = await watched(deletion?.id ?? '');
    expect(OperationState[deleted.state], explain(deleted)).toBe('SUCCEEDED');
    expect(named('site-')).toEqual([]);
    await eventsOrdered(plane.database, orgId);
    const { events } = await client.events.listEvents({ orgId, page: { size: 200 } });
    expect(events.map((e) => e.type)).toEqual(
      expect.arrayContaining([
        'dev.truffle.cluster.created.v1',
        'dev.truffle.server.ready.v1',
        'dev.truffle.cluster.ready.v1',
        'dev.truffle.cluster.deleted.v1',
      ]),
    );
    expect(events.map((e) => Number(e.n))).toEqual(events.map((_, i) => i + 1));
  });

  it('carries on when the agent is killed in the middle, and makes nothing twice', { timeout: 90_000 }, async () => {
    const { operationId } = await create('killed', 'vm', { count: 4 });
    await until('a VM to exist', () => named('killed-').length > 0, 30_000);
    await site.killAgent();
    await site.startAgent();
    const operation = await watched(operationId);
    expect(OperationState[operation.state], explain(operation)).toBe('SUCCEEDED');
    expect(named('killed-')).toEqual([0, 1, 2, 3].map((i) => `killed-vm-${i}`));
  });

  it('is cancelled, retried and undone', { timeout: 90_000 }, async () => {
    await site.killAgent();
    const { clusterId, operationId } = await create('later', 'vm');
    await until('the command to wait for the agent', async () => {
      const { operation } = await client.operations.getOperation({ operationId });
      return operation?.steps.some((s) => s.state === StepState.WAITING);
    });
    await expect(client.clusters.deleteCluster({ clusterId })).rejects.toThrow(/is at work/);
    await client.operations.cancelOperation({ operationId });
    const cancelled = await watched(operationId);
    expect(OperationState[cancelled.state]).toBe('CANCELLED');
    expect(named('later-')).toEqual([]);
    await site.startAgent();
    const { operation: retry } = await client.operations.retryOperation({ operationId });
    const retried = await watched(retry?.id ?? '');
    expect(OperationState[retried.state], explain(retried)).toBe('SUCCEEDED');
    expect(named('later-')).toEqual(['later-vm-0']);
  });

  it('refuses what is wrong with its code and field, and stores nothing', async () => {
    const good = { name: 'bad', agentId: site.agentId, templateVersionId: await templateVersion('vm') };
    const before = await client.clusters.listClusters({ projectId, showDeleted: true });
    await expect(client.clusters.createCluster({ projectId, spec: { ...good, name: '$(reboot)' } })).rejects.toThrow(
      /spec\.name/,
    );
    await expect(
      client.clusters.createCluster({ projectId, spec: { ...good, parameters: { count: 'many' } } }),
    ).rejects.toThrow(/count/);
    await expect(
      client.clusters.createCluster({ projectId, spec: { ...good, parameters: { nope: 1 } } }),
    ).rejects.toThrow(/nope/);
    await expect(
      client.clusters.createCluster({
        projectId,
        spec: { ...good, templateVersionId: 'tpv_00000000000000000000000000' },
      }),
    ).rejects.toThrow(/not.found/);
    const headers = { 'idempotency-key': 'once-and-for-all' };
    const first = await client.clusters.createCluster({ projectId, spec: { ...good, name: 'once' } }, { headers });
    const again = await client.clusters.createCluster({ projectId, spec: { ...good, name: 'once' } }, { headers });
    expect(again.cluster?.id).toBe(first.cluster?.id);
    await expect(
      client.clusters.createCluster({ projectId, spec: { ...good, name: 'other' } }, { headers }),
    ).rejects.toThrow(/idempotency key/);
    await watched(first.operation?.id ?? '');
    const after = await client.clusters.listClusters({ projectId, showDeleted: true });
    expect(after.clusters.length).toBe(before.clusters.length + 1);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { testDatabase, testHost, testSite } from '@truffle/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { everyMigration, everyService } from './services.ts';
import { startCollector, type Collector, type ReceivedSpan } from './trace.fixture.ts';

const password = 'correct horse battery';
const title = 'a-title-that-only-the-payload-holds';

/** The product with a collector: one cluster is made, then everything ends, which sends the last spans. */
async function makeCluster(
  collector: Collector,
): Promise<{ readonly operationId: string; readonly secrets: readonly string[] }> {
  const caDir = mkdtempSync(join(tmpdir(), 'truffle-ca-'));
  onTestFinished(() => rmSync(caDir, { recursive: true, force: true }));
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const database = await testDatabase(everyMigration);
  onTestFinished(() => database.close());
  const host = await testHost(database, everyService, {
    TRUFFLE_AGENT_LISTEN: '127.0.0.1:0',
    TRUFFLE_AGENT_CA_DIR: caDir,
    ...env,
  });
  try {
    const { sessionToken, organization, project } = await host
      .client()
      .accounts.signUp({ email: 't@example.com', password, orgName: 'traced' });
    const orgId = organization?.id ?? '';
    const client = host.client(sessionToken);
    const site = await testSite({ client, url: host.url, orgId, agentEnv: env });
    try {
      const { templates } = await client.templates.listTemplates({ orgId, name: 'static-site' });
      const spec = {
        name: 'traced',
        agentId: site.agentId,
        templateVersionId: templates[0]?.latestVersionId ?? '',
        parameters: { title },
      };
      const { operation } = await client.clusters.createCluster({ projectId: project?.id ?? '', spec });
      const operationId = operation?.id ?? '';
      let state: OperationState | undefined;
      for await (const { operation: seen } of client.operations.watchOperation({ operationId }))
        state = seen?.state ?? state;
      expect(state).toBe(OperationState.SUCCEEDED);
      return { operationId, secrets: [password, title, sessionToken, site.simulator.info.tokenSecret] };
    } finally {
      await site.close();
    }
  } finally {
    await host.close();
  }
}

/** Names from a span up to its root. */
function wayUp(span: ReceivedSpan, spans: ReadonlyMap<string, ReceivedSpan>): string[] {
  const names: string[] = [];
  for (let at: ReceivedSpan | undefined = span; at !== undefined; at = spans.get(at.parentSpanId)) {
    names.push(at.name);
    if (at.parentSpanId !== '' && !spans.has(at.parentSpanId)) names.push(`(missing ${at.parentSpanId})`);
  }
  return names;
}

it(
  'follows one request from the API through the workflow and the gateway to the agent and back',
  { timeout: 90_000 },
  async () => {
    const collector = await startCollector();
    onTestFinished(() => collector.close());
    const { operationId, secrets } = await makeCluster(collector);

    const root = collector.spans.find((s) => s.name === 'truffle.orchestration.v1.ClusterService/CreateCluster');
    expect(root?.parentSpanId).toBe('');
    const traced = collector.spans.filter((s) => s.traceId === root?.traceId);
    const byId = new Map(traced.map((s) => [s.spanId, s]));
    const named = (name: string): ReceivedSpan[] => traced.filter((s) => s.name === name);
    const create = root?.name ?? '';

    expect(named('operation.advance').map((s) => s.attributes['truffle.operation'])).toContain(operationId);
    expect(named('truffle.agent.v1.CommandService/EnqueueCommands').map((s) => wayUp(s, byId))).toContainEqual([
      'truffle.agent.v1.CommandService/EnqueueCommands',
      'operation.advance',
      create,
    ]);
    for (const [kind, count] of [
      ['ensureServer', 3],
      ['runDeployment', 3],
    ] as const) {
      const runs = named(`command.run ${kind}`);
      expect(runs).toHaveLength(count);
      for (const run of runs) {
        expect(run.service).toBe('agent');
        expect(wayUp(run, byId)).toEqual([`command.run ${kind}`, `command ${kind}`, 'operation.advance', create]);
        const command = byId.get(run.parentSpanId);
        expect(command?.service).toBe('test');
        expect(command?.attributes).toMatchObject({
          'truffle.command': run.attributes['truffle.command'],
          'truffle.command.kind': kind,
          'truffle.command.outcome': 'SUCCEEDED',
        });
        expect(traced.some((s) => s.parentSpanId === run.spanId && s.name.startsWith('step '))).toBe(true);
      }
    }
    // Nothing that a span says is a secret or a payload.
    for (const secret of secrets) expect(collector.bodies.filter((body) => body.includes(secret))).toEqual([]);
  },
);

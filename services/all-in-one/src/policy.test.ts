import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create as createMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { TruffleClient } from '@truffle/api';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { OperationState, type Operation } from '@truffle/api/orchestration/v1/operation';
import { FailureSchema } from '@truffle/api/type/v1/failure';
import { newId } from '@truffle/ids';
import { eventsOrdered, testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let site: TestSite;
let client: TruffleClient;
let orgId = '';
let projectId = '';
let agentLog = '';
const folder = mkdtempSync(join(tmpdir(), 'truffle-policy-'));
const policyFile = join(folder, 'policy.yaml');
const rule = (yaml: string) => writeFileSync(policyFile, yaml, { mode: 0o644 });

beforeAll(async () => {
  chmodSync(folder, 0o755);
  rule('vmids: 20000-20099\nlimits: { cpu: 2, servers: 3 }\n');
  plane = await startControlPlane('policed');
  ({ client, orgId, projectId } = plane.owner);
  site = await testSite({
    client,
    url: plane.host.url,
    orgId,
    agentEnv: { TRUFFLE_AGENT_POLICY: policyFile },
    agentLog: (text) => {
      agentLog += text;
    },
  });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const source = (servers: string, name: string) => `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: ${name}, version: 1.0.0, title: T, summary: Servers and nothing on them }
servers: { vm: { ${servers}, image: debian-12, memory: 1GiB, disk: 10GiB } }
`;

async function specOf(name: string, servers: string) {
  const { version } = await client.templates.createTemplateVersion({ orgId, source: source(servers, name) });
  return { name, agentId: site.agentId, templateVersionId: version?.id ?? '' };
}

async function create(name: string): Promise<{ readonly clusterId: string; readonly operation: Operation }> {
  const spec = await specOf(name, 'count: 1, cpu: 1');
  const made = await client.clusters.createCluster({ projectId, spec });
  return { clusterId: made.cluster?.id ?? '', operation: await endOf(made.operation?.id ?? '') };
}

async function endOf(operationId: string): Promise<Operation> {
  for await (const { operation } of client.operations.watchOperation({ operationId })) void operation;
  const { operation } = await client.operations.getOperation({ operationId });
  if (operation === undefined) throw new Error('the operation is not there');
  return operation;
}

/** Starts the agent anew and waits until it has told what its site has. */
async function restart(): Promise<void> {
  const since = Date.now();
  await site.killAgent();
  await site.startAgent();
  await until(
    'a new inventory',
    async () => {
      const { agent } = await client.agents.getAgent({ agentId: site.agentId });
      const taken = agent?.inventory?.takenAt;
      return agent?.state === AgentState.ONLINE && taken !== undefined && timestampMs(taken) >= since;
    },
    30_000,
  );
}

const refusals = async () => {
  await eventsOrdered(plane.database, orgId);
  const { events } = await client.events.listEvents({ orgId, page: { size: 200 } });
  return events.filter((event) => event.type.includes('command.refused_by_site'));
};

/** Puts a command into the gateway's own table, past every check: as whoever owns the gateway could. */
async function smuggle(columns: Readonly<Record<string, unknown>>): Promise<string> {
  const { rows } = await plane.database.admin.query<Record<string, unknown>>(
    `select * from agent_gateway.command where op = 'ensureServer' order by n desc limit 1`,
  );
  const kept = ['org_id', 'agent_id', 'resource_key', 'fence', 'op', 'payload', 'payload_sha256', 'needs_permit'];
  const more = ['start_by', 'run_timeout_ms', 'signature', 'key_id', 'traceparent'];
  const [real = {}] = rows;
  const row: Record<string, unknown> = {
    ...Object.fromEntries([...kept, ...more].map((name) => [name, real[name]])),
    id: newId('cmd'),
    operation_id: '',
    workflow_id: '',
    server_id: '',
    step_key: '',
    ...columns,
  };
  const names = Object.keys(row);
  const places = names.map((_, i) => `$${i + 1}`).join(', ');
  await plane.database.admin.query(
    `insert into agent_gateway.command (${names.join(', ')}) values (${places})`,
    Object.values(row),
  );
  const id = String(row['id']);
  return until(
    'the smuggled command to end',
    async () => {
      const found = await plane.database.admin.query<{ state: string; failure: Buffer | null }>(
        'select state, failure from agent_gateway.command where id = $1 and ended_at is not null',
        [id],
      );
      const ended = found.rows[0];
      return ended === undefined
        ? undefined
        : `${ended.state} ${fromBinary(FailureSchema, ended.failure ?? new Uint8Array()).reason}`;
    },
    30_000,
  );
}

describe('the site’s policy', () => {
  it('is seen by a plan, which refuses early what the agent would', async () => {
    const large = await client.clusters.planCluster({ projectId, spec: await specOf('large', 'count: 1, cpu: 3') });
    expect(large.plan?.refusals).toMatchObject([
      { reason: 'POLICY_VIOLATION', parameters: { rule: 'limits.cpu', wanted: '3', allowed: 'at most 2' } },
    ]);
    const many = await specOf('many', 'count: 4, cpu: 1');
    await expect(client.clusters.createCluster({ projectId, spec: many })).rejects.toThrow(
      /limits\.servers would be 4/,
    );
    const { agent } = await client.agents.getAgent({ agentId: site.agentId });
    expect(agent?.inventory).toMatchObject({
      vmidFirst: 20_000,
      vmidLast: 20_099,
      problems: [],
      policy: { inForce: true, problem: '', maxCpu: 2, maxServers: 3, deletesPerHour: -1, exec: true },
    });
  });

  it('is kept where the control plane believes otherwise: refused, audited, shown', async () => {
    const { clusterId, operation } = await create('kept');
    expect(OperationState[operation.state], JSON.stringify(operation.failure)).toBe('SUCCEEDED');
    expect(site.vms()).toHaveLength(1);
    rule('limits: { deletesPerHour: 0 }\n');
    const deletion = await client.clusters.deleteCluster({ clusterId });
    const ended = await endOf(deletion.operation?.id ?? '');
    expect(OperationState[ended.state]).toBe('FAILED');
    expect(ended.failure).toMatchObject({
      reason: 'POLICY_VIOLATION',
      retryable: true,
      parameters: { rule: 'limits.deletesPerHour', wanted: '1', allowed: 'at most 0' },
    });
    expect(ended.failure?.remedy).toContain('policy file');
    expect(site.vms()).toHaveLength(1);
    const event = await until('the refusal in the audit', async () => (await refusals())[0]);
    expect(event.data).toMatchObject({
      agentId: site.agentId,
      operationId: ended.id,
      reason: 'POLICY_VIOLATION',
      rule: 'limits.deletesPerHour',
    });
    expect(agentLog).toContain('POLICY_VIOLATION');
    // The site's operator allows it again: the same operation goes through, without a restart.
    rule('limits: { deletesPerHour: 1 }\n');
    const retried = await client.operations.retryOperation({ operationId: ended.id });
    expect(OperationState[(await endOf(retried.operation?.id ?? '')).state]).toBe('SUCCEEDED');
    expect(site.vms()).toHaveLength(0);
  }, 60_000);

  it('that does not parse stops all work, is shown with its place, and stops nothing else', async () => {
    rule('exec: on\nlimits:\n  deletes: 3\n');
    const where = `${policyFile}:3:3: limits.deletes is not known here`;
    const { operation } = await create('stopped');
    expect(operation.failure?.reason).toBe('POLICY_INVALID');
    expect(operation.failure?.message).toContain(where);
    expect(site.vms()).toHaveLength(0);
    expect(agentLog).toContain(where);
    await restart();
    await client.agents.pingAgent({ agentId: site.agentId });
    const { agent } = await client.agents.getAgent({ agentId: site.agentId });
    expect(agent?.inventory?.problems[0]).toContain(where);
    const { plan } = await client.clusters.planCluster({ projectId, spec: await specOf('none', 'count: 1, cpu: 1') });
    expect(plan?.refusals.map((r) => r.parameters['rule'])).toEqual(['policy']);
    await until('the refusal in the audit', async () =>
      (await refusals()).some((event) => event.data?.['reason'] === 'POLICY_INVALID'),
    );
  }, 60_000);
});

describe('whoever owns the gateway', () => {
  it('makes up no command that the agent takes', async () => {
    rule('{}\n');
    await restart();
    const { operation } = await create('forged');
    expect(OperationState[operation.state], JSON.stringify(operation.failure)).toBe('SUCCEEDED');
    const before = site.vms();
    // Every one is a command that orchestration once signed, with one thing changed.
    expect(await smuggle({})).toBe('REJECTED SIGNATURE_INVALID');
    expect(await smuggle({ signature: Buffer.alloc(0) })).toBe('REJECTED SIGNATURE_INVALID');
    const payload = toBinary(
      CommandPayloadSchema,
      createMessage(CommandPayloadSchema, { op: { case: 'deleteServer', value: { orgId, vmid: 20_000 } } }),
    );
    const deletion = { op: 'deleteServer', payload, payload_sha256: createHash('sha256').update(payload).digest() };
    expect(await smuggle(deletion)).toBe('REJECTED SIGNATURE_INVALID');
    expect(site.vms()).toEqual(before);
    await until('each refusal in the audit', async () => {
      const events = await refusals();
      return events.filter((event) => event.data?.['reason'] === 'SIGNATURE_INVALID').length === 3;
    });
  }, 60_000);
});

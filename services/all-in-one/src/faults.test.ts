import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { OperationState, StepState, type Operation } from '@truffle/api/orchestration/v1/operation';
import type { TruffleClient } from '@truffle/api';
import { testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faults, randomOf, smallDisk, type Target } from './faults.fixture.ts';
import { startReplicas, type GatewayReplica, type Replicas } from './replicas.fixture.ts';

/** How many faults, and which: a release runs `TRUFFLE_FAULTS=2000`. */
const count = Number(process.env['TRUFFLE_FAULTS'] ?? 200);
const seed = Number(process.env['TRUFFLE_FAULTS_SEED'] ?? 1);
const serversEach = 3;
/** The faults that were struck so far. */
const told: string[] = [];

const disk = smallDisk();

let replicas: Replicas;
let sites: TestSite[];
let gateways: GatewayReplica[];
let client: TruffleClient;
let orgId = '';
let projectId = '';
let version = '';

beforeAll(async () => {
  replicas = await startReplicas(0);
  gateways = [await replicas.startGateway(), await replicas.startGateway()];
  const signedUp = await replicas.edge
    .client()
    .accounts.signUp({ email: 'o@example.com', password: 'correct horse battery', orgName: 'acme' });
  orgId = signedUp.organization?.id ?? '';
  projectId = signedUp.project?.id ?? '';
  client = replicas.edge.client(signedUp.sessionToken);
  version = (await client.templates.listTemplates({ orgId, name: 'vm' })).templates[0]?.latestVersionId ?? '';
  const simulator = { cloneMs: 200, bootMs: 200 };
  const within = disk === undefined ? {} : { within: disk.folder };
  const common = { client, url: replicas.edge.url, orgId, simulator, agentLog: keepLog, ...within };
  sites = [await testSite({ ...common, agentName: 'one' }), await testSite({ ...common, agentName: 'two' })];
}, 120_000);

afterAll(async () => {
  for (const site of sites ?? []) await site.close();
  await replicas?.close();
  disk?.release();
}, 60_000);

it('strikes with a full disk too', (context) => {
  if (disk === undefined) return context.skip('only root may mount the small file system that a full disk needs');
  return expect(existsSync(disk.folder)).toBe(true);
});

/** What an agent said, where the run's logs are kept. */
function keepLog(line: string): void {
  const kept = process.env['TRUFFLE_TEST_LOGS'];
  if (kept !== undefined) appendFileSync(join(kept, 'agents.log'), line);
}

/** A person who tries again when told to. @throws with what the last try was told, when none succeeds in time */
async function persistently<T>(what: string, ask: () => Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  let last: unknown;
  const attempt = (): Promise<T | undefined> =>
    ask().catch((error: unknown) => {
      last = error;
      return undefined;
    });
  try {
    return (await until(what, attempt, 60_000)) as NonNullable<Exclude<T, false>>;
  } catch (error) {
    throw new Error(`${String(error)}: ${String(last)} (${new Date().toISOString()})`, { cause: error });
  }
}

async function ended(operationId: string): Promise<Operation> {
  return until(
    `operation ${operationId} to end`,
    async () => {
      const operation = await client.operations.getOperation({ operationId }).then(
        (answer) => answer.operation,
        // All that a fault may say to who reads.
        (error: unknown) => {
          if (ConnectError.from(error).code !== Code.Unavailable) throw error;
        },
      );
      if (operation?.endedAt !== undefined) return operation;
      await delay(100);
      return undefined;
    },
    120_000,
  );
}

/** Makes clusters and deletes them, one after the other, until told to stop. */
async function work(site: TestSite, isOver: () => boolean): Promise<Operation[]> {
  const done: Operation[] = [];
  for (let n = 0; !isOver(); n++) {
    const name = `c${n}-${site.agentId.slice(-4)}`;
    const spec = { name, agentId: site.agentId, templateVersionId: version, parameters: { count: serversEach } };
    const headers = { 'idempotency-key': `create-${name}` };
    const { cluster, operation } = await persistently('a cluster', () =>
      client.clusters.createCluster({ projectId, spec }, { headers }),
    );
    done.push(await ended(operation?.id ?? ''));
    const { operation: deletion } = await persistently('a deletion', () =>
      client.clusters.deleteCluster({ clusterId: cluster?.id ?? '' }),
    );
    done.push(await ended(deletion?.id ?? ''));
  }
  return done;
}

/** How an operation ended, for who reads a failed run. */
const explained = ({ id, state, failure, steps }: Operation): string =>
  JSON.stringify([
    id,
    OperationState[state],
    failure?.message,
    failure?.cause,
    ...steps.map((s) => [s.key, StepState[s.state], s.detail]),
  ]);

/** What happened that should not have, beside what failed because of it. */
async function oddities(): Promise<unknown[]> {
  const { rows } = await replicas.database.admin.query(
    `select occurred_at, type, data from ledger.event where type ~ 'command.(contradicted|lost)|agent.quarantined' order by occurred_at`,
  );
  return rows;
}

/** What is not over, in every part that may hold it up: operations with their steps, commands, sessions. */
async function unfinished(): Promise<unknown[]> {
  const { rows } = await replicas.database.admin.query(
    `select jsonb_build_object('operation', to_jsonb(o) - 'traceparent', 'steps', (
       select jsonb_agg(jsonb_build_object('key', s.key, 'state', s.state, 'command', to_jsonb(c) - array['payload', 'signature', 'output', 'failure']))
       from orchestration.step s left join agent_gateway.command c on c.id = s.command_id
       where s.operation_id = o.id and s.state not in ('SUCCEEDED', 'SKIPPED')
     )) as it from orchestration.operation o where o.ended_at is null
     union all
     select to_jsonb(s) from agent_gateway.agent_session s where s.open`,
  );
  return rows.map(({ it }) => it);
}

async function explainAndThrow(error: unknown): Promise<never> {
  const seen = JSON.stringify({ died: replicas.died(), oddities: await oddities(), unfinished: await unfinished() });
  throw new Error(`${String(error)} after ${told.length} faults, last ${told.slice(-40).join(', ')}; ${seen}`, {
    cause: error,
  });
}

/** Names that two VMs of one site have: a server that was made twice. */
const doubled = (site: TestSite): string[] => site.vms().filter((name, i, all) => all.indexOf(name) !== i);

it(`loses and doubles nothing under ${count} faults, seed ${seed}`, { timeout: 120_000 + count * 3_000 }, async () => {
  const random = randomOf(seed);
  const target: Target = { replicas, sites, gateways, random, disk: disk?.folder };
  const names = Object.keys(faults);
  let over = false;
  const working = Promise.all(sites.map((site) => work(site, () => over)));
  // Its failure is told when it is asked for, below; nothing is struck any more once the work has stopped.
  const broken = new AbortController();
  working.catch(() => broken.abort());
  const seenDoubled: string[] = [];
  for (let i = 0; i < count && !broken.signal.aborted; i++) {
    const name = names[Math.floor(random() * names.length)] ?? '';
    told.push(name);

    await faults[name]?.(target);
    // An agent that died at its fail point is started again, as its service manager would.
    for (const site of sites) if (!site.agentRuns()) site.launchAgent();
    seenDoubled.push(...sites.flatMap(doubled));
    await delay(random() * 400);
  }
  over = true;
  for (const site of sites) {
    await site.killAgent();
    site.launchAgent();
  }
  const operations = (await working.catch(explainAndThrow)).flat();

  expect(replicas.died()).toEqual([]);
  expect(seenDoubled).toEqual([]);
  expect(operations.filter((o) => o.state !== OperationState.SUCCEEDED).map(explained)).toEqual([]);
  expect(sites.flatMap((site) => site.vms())).toEqual([]);
  const clones = sites.flatMap((site) =>
    [...site.simulator.cluster.tasks.byUpid.values()].filter(
      ({ parts, exitstatus }) => parts.type === 'qmclone' && exitstatus === 'OK',
    ),
  );
  const created = operations.length / 2;
  expect(clones.length, 'clones that took effect').toBe(created * serversEach);
  const { rows } = await replicas.database.admin.query(
    `select state, count(*)::int as commands from agent_gateway.command group by state`,
  );
  expect(rows).toEqual([{ state: 'SUCCEEDED', commands: created * serversEach * 3 }]);
  expect(await oddities()).toEqual([]);
  expect(created, `clusters made and deleted under ${told.length} faults`).toBeGreaterThan(0);
});

/**
 * A command's way (enqueue, dispatch, accept, permit, result, acknowledgement) through one gateway and the real agent's journal, beside the
 * bare sum of its parts in the same run; and a ping beside a bare stream echo. The agents run in a process of their own.
 * Usage: node bench/command-path.ts [--agents 8] [--commands 4000] [--rounds 300] [--runs 3]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { contextKeyOf, Database, migrate, type ServiceRole } from '@truffle/database';
import { newId } from '@truffle/ids';
import { ensureInstallation } from '@truffle/kit';
import { startEngines } from '@truffle/local';
import pg from 'pg';
import { getAgent, pingAgent } from '../services/agent-gateway/src/agent/agent.usecases.ts';
import { serverName } from '../services/agent-gateway/src/authority/authority.ts';
import { enqueueCommands, getCommands, queuedOf } from '../services/agent-gateway/src/command/command.usecases.ts';
import { agentGatewayMigrations } from '../services/agent-gateway/src/migrations.ts';
import { enrolPeer } from '../services/agent-gateway/src/testing/peer.ts';
import { makeWorld, type Running, type World } from '../services/agent-gateway/src/testing/world.ts';
import { serveEcho } from './bare-grpc.ts';
import { median, percentile } from './quantile.ts';
import { noise } from './stack.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '8' },
    commands: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '300' },
    runs: { type: 'string', default: '3' },
  },
});
const [agents, commands, rounds, runs] = [values.agents, values.commands, values.rounds, values.runs].map(Number) as [
  number,
  number,
  number,
  number,
];

interface Bare {
  readonly echo: { readonly p50: number; readonly p99: number };
  readonly fsync: number;
  /** One transaction of one statement, with its commit on disk; and one whose commit is not waited for. */
  readonly commit: number;
  readonly relaxed: number;
}

/** Bare transactions on one connection with prepared statements: what the path's own are compared with. */
async function commits(url: string): Promise<{ commit: number; relaxed: number }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('create table if not exists bare (id int primary key, n int, v bytea)');
  await client.query(
    `insert into bare select i, 0, decode(repeat('ab', 300), 'hex') from generate_series(1, 1000) i on conflict do nothing`,
  );
  const one = async (relaxed: boolean): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 600; i++) {
      const began = performance.now();
      await client.query('begin');
      if (relaxed) await client.query('set local synchronous_commit = off');
      await client.query({ name: 'bare', text: 'update bare set n = n + 1 where id = $1', values: [(i % 1000) + 1] });
      await client.query('commit');
      if (i >= 100) times.push(performance.now() - began);
    }
    return median(times);
  };
  const [commit, relaxed] = [await one(false), await one(true)];
  await client.end();
  return { commit, relaxed };
}

const commandFor = (world: World, agentId: string) =>
  queuedOf({
    id: newId('cmd'),
    agentId,
    resourceKey: `pve:bench/${newId('srv')}`,
    fence: 1n,
    payload: create(CommandPayloadSchema, {
      op: {
        case: 'ensureServer',
        value: { orgId: world.orgId, name: 'bench', image: 'debian-12', cpu: 2, memoryBytes: 1n << 30n },
      },
    }),
    startBy: new Date(Date.now() + 600_000),
    runTimeoutMs: 60_000,
    traceparent: '',
  });

/** Milliseconds from enqueueing one command, alone, until its end is stored. */
async function alone(world: World, { parts }: Running, agentId: string): Promise<number> {
  const command = commandFor(world, agentId);
  const ended = parts.ended.watch(command.id);
  const began = performance.now();
  await enqueueCommands(parts, world.orgId, [command]);
  await ended.heard;
  const took = performance.now() - began;
  ended.forget();
  return took;
}

/** Commands per second, enqueued in batches of 100 and all at work at once as far as the agents take them. */
async function together(world: World, { parts }: Running, agentIds: readonly string[], count: number): Promise<number> {
  const all = Array.from({ length: count }, (_, i) => commandFor(world, agentIds[i % agentIds.length] ?? ''));
  const waits = all.map((command) => parts.ended.watch(command.id));
  const began = performance.now();
  for (let i = 0; i < all.length; i += 100) await enqueueCommands(parts, world.orgId, all.slice(i, i + 100));
  await Promise.all(waits.map((wait) => wait.heard));
  const seconds = (performance.now() - began) / 1000;
  for (const wait of waits) wait.forget();
  const [sample] = await getCommands(parts, world.orgId, [all.at(-1)?.id ?? '']);
  if (sample?.state !== 'SUCCEEDED') throw new Error(`a command ended as ${sample?.state}`);
  return count / seconds;
}

async function bareParts(child: ChildProcess, lines: AsyncIterator<string>, url: string): Promise<Bare> {
  child.send('measure');
  const line = (await lines.next()).value as string;
  return { ...(JSON.parse(line) as Pick<Bare, 'echo' | 'fsync'>), ...(await commits(url)) };
}

const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const engines = await startEngines({ stateDir, quiet: true });
const installation = ensureInstallation(join(stateDir, 'installation'));
await migrate({
  adminUrl: engines.databaseUrl,
  passwords: installation.databasePasswords,
  contextMaster: installation.contextMaster,
  services: [agentGatewayMigrations],
});
const opened: Database<never>[] = [];
const database = {
  open: <T>(role: ServiceRole): Database<T> => {
    const one = new Database<T>({
      url: engines.databaseUrl,
      role,
      password: installation.databasePasswords[role],
      contextKey: contextKeyOf(installation.contextMaster, role),
      connections: 16,
    });
    opened.push(one as unknown as Database<never>);
    return one;
  },
  close: async () => void (await Promise.all(opened.map((one) => one.close()))),
};
const world = await makeWorld(database, engines.natsUrl);
const gateway = await world.startGateway();
const { key, certificate } = await world.enrollment.authorities.issueServer(['127.0.0.1']);
const echo = await serveEcho({ authority: world.enrollment.authorities.pem, key, certificate });
const peers = await Promise.all(Array.from({ length: agents }, (_, i) => enrolPeer(world, `bench-${i}`)));
const shared = {
  authorities: world.enrollment.authorities.pem,
  serverName,
  endpoint: gateway.endpoint,
  echo: `127.0.0.1:${echo.port}`,
};
writeFileSync(
  join(stateDir, 'identities.json'),
  JSON.stringify(peers.map((peer) => ({ ...shared, key: peer.key, certificate: peer.certificate }))),
  { mode: 0o600 },
);
const child = fork(join(import.meta.dirname, 'command-path.agent.ts'), [join(stateDir, 'identities.json'), stateDir], {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
});
const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })[Symbol.asyncIterator]();
try {
  await lines.next();
  for (const { agentId } of peers)
    while ((await getAgent(gateway.parts, world.orgId, agentId)).row.state !== 'ONLINE')
      await new Promise((resolve) => setTimeout(resolve, 20));
  const ids = peers.map((peer) => peer.agentId);
  const [first = ''] = ids;
  await together(world, gateway, ids, 500);
  console.log(`noise of the machine (spread of a fixed loop over 9 runs): ${noise()}`);
  console.log(
    'run | echo p50/p99 | commit | relaxed | fsync | bare sum | command p50/p99 | ratio | ping p50/p99 | ping/echo | commands/s',
  );
  for (let run = 1; run <= runs; run++) {
    const bare = await bareParts(child, lines, engines.databaseUrl);
    const times: number[] = [];
    const pings: number[] = [];
    for (let i = 0; i < rounds; i++) times.push(await alone(world, gateway, first));
    for (let i = 0; i < rounds; i++) pings.push(await pingAgent(gateway.parts, world.caller, first));
    const rate = await together(world, gateway, ids, commands);
    // Enqueue, permit and result are on disk before they are told; the claim is not waited for. The agent journals acceptance, permit and end.
    const sum = 3 * bare.commit + bare.relaxed + 3 * bare.fsync + 2 * bare.echo.p50;
    const ms = (value: number): string => value.toFixed(2);
    console.log(
      [
        run,
        `${ms(bare.echo.p50)}/${ms(bare.echo.p99)}`,
        ms(bare.commit),
        ms(bare.relaxed),
        ms(bare.fsync),
        ms(sum),
        `${ms(median(times))}/${ms(percentile(times, 0.99))}`,
        `${ms(median(times) / sum)}x`,
        `${ms(median(pings))}/${ms(percentile(pings, 0.99))}`,
        `${ms(median(pings) / bare.echo.p50)}x`,
        rate.toFixed(0),
      ].join(' | '),
    );
  }
} finally {
  child.kill();
  echo.server.forceShutdown();
  await world.close();
  await engines.stop();
  rmSync(stateDir, { recursive: true, force: true });
}

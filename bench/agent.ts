/**
 * The agent as customers run it: resident memory and CPU at rest, start to Ready, and memory with 200 servers made, beside a bare Node and a
 * bare grpc-js client with one stream in the same run.
 * Usage: node bench/agent.ts [--servers 200] [--seconds 60] [--starts 7]
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { bundleAgent } from '../agent/bundle.ts';
import { Authority } from '../services/agent-gateway/src/authority/authority.ts';
import { makeRequest } from '../services/agent-gateway/src/testing/peer.ts';
import { serveEcho } from './bare-grpc.ts';
import { median } from './quantile.ts';
import { bareServers, clientOf, fineCpuSeconds, noise, residentMib, startStack, type BenchStack } from './stack.ts';

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
    starts: { type: 'string', default: '7' },
  },
});
const [servers, seconds, starts] = [values.servers, values.seconds, values.starts].map(Number) as [
  number,
  number,
  number,
];
const folder = mkdtempSync(join(tmpdir(), 'truffle-bench-agent-'));
const { entry, flags } = await bundleAgent();

/** Starts Node, and answers when it wrote `said`: the process and the milliseconds that took. */
async function startUntil(args: readonly string[], said: string, env: NodeJS.ProcessEnv = {}) {
  const began = performance.now();
  const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'], ...env } });
  await new Promise<void>((done, failed) => {
    let written = '';
    const look = (chunk: Buffer): void => {
      written += chunk.toString();
      if (written.includes(said)) done();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('exit', (code) => failed(new Error(`ended with code ${code}: ${written.slice(-1_000)}`)));
  });
  return { child, ms: performance.now() - began };
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
}

/** Median milliseconds of starting it `starts` times; the last one is left running. */
async function startAgain(args: readonly string[], said: string, env?: NodeJS.ProcessEnv) {
  const times: number[] = [];
  for (let i = 1; ; i++) {
    const { child, ms } = await startUntil(args, said, env);
    times.push(ms);
    if (i >= starts) return { child, pid: child.pid ?? 0, ms: median(times) };
    await end(child);
  }
}

/** Memory (the median of what is seen each second) and share of a core of processes, over the same time. */
async function watch(pids: readonly number[]): Promise<{ readonly mib: number; readonly cpu: number }[]> {
  const before = pids.map(fineCpuSeconds);
  const began = performance.now();
  const seen = pids.map((): number[] => []);
  while (performance.now() - began < seconds * 1000) {
    await delay(1_000);
    pids.forEach((pid, i) => seen[i]?.push(residentMib(pid)));
  }
  const took = (performance.now() - began) / 1000;
  return pids.map((pid, i) => ({
    mib: median(seen[i] ?? []),
    cpu: (100 * (fineCpuSeconds(pid) - (before[i] ?? 0))) / took,
  }));
}

/** Enrols a second agent on the stack's site, with numbers of its own, and answers what it is started with. */
async function enrolProbe(stack: BenchStack): Promise<readonly string[]> {
  const { orgId, url } = stack.info;
  const { token } = await clientOf(stack.info).agents.createJoinToken({ orgId, agentName: 'probe' });
  const config = join(folder, 'site.yaml');
  const site = readFileSync(join(stack.stateDir, 'agent', 'site.yaml'), 'utf8');
  writeFileSync(config, site.replace('20000-29999', '40000-49999'), { mode: 0o600 });
  const data = ['--data-dir', join(folder, 'probe')];
  const enrolling = await startUntil([...flags, entry, 'enroll', '--server', url, ...data], 'enrolled', {
    TRUFFLE_JOIN_TOKEN: token,
  });
  if (enrolling.child.exitCode === null) await new Promise((done) => enrolling.child.once('exit', done));
  return [...flags, entry, 'run', ...data, '--config', config];
}

async function makeServers(stack: BenchStack, count: number): Promise<number> {
  const client = clientOf(stack.info);
  const { orgId, projectId, agentId } = stack.info;
  const { version } = await client.templates.createTemplateVersion({ orgId, source: bareServers(count) });
  const began = performance.now();
  const spec = { name: 'many', agentId, templateVersionId: version?.id ?? '' };
  const { operation } = await client.clusters.createCluster({ projectId, spec });
  let state = OperationState.UNSPECIFIED;
  for await (const { operation: now } of client.operations.watchOperation({ operationId: operation?.id ?? '' }))
    state = now?.state ?? state;
  if (state !== OperationState.SUCCEEDED) throw new Error(`the operation ended as ${OperationState[state]}`);
  return (performance.now() - began) / 1000;
}

/** A server that echoes, and keys for a client of it in a file. */
async function bareServer() {
  const authority = await Authority.open(join(folder, 'ca'));
  const own = await authority.issueServer(['127.0.0.1']);
  const echo = await serveEcho({ authority: authority.pem, ...own });
  const { csr, key } = await makeRequest();
  const { der } = await authority.issueAgent(csr, { orgId: 'org_bench', agentId: 'agt_bench' }, 3_600_000);
  const certificate = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
  const file = join(folder, 'keys.json');
  writeFileSync(file, JSON.stringify({ authority: authority.pem, key, certificate }), { mode: 0o600 });
  return { endpoint: `127.0.0.1:${echo.port}`, file, close: () => echo.server.forceShutdown() };
}

const stack = await startStack({ simulator: ['--clone-ms', '0', '--boot-ms', '0'] });
const echo = await bareServer();
const children: ChildProcess[] = [];
try {
  console.log(`noise of the machine: ${noise()}`);
  const node = await startAgain(['-e', 'console.log("up"); setInterval(() => {}, 1000)'], 'up');
  const bare = await startAgain([join(import.meta.dirname, 'agent.bare.ts'), echo.endpoint, echo.file], 'ready');
  const probe = await startAgain(await enrolProbe(stack), 'session ready');
  children.push(node.child, bare.child, probe.child);
  await delay(5_000);
  const rest = await watch([node.pid, bare.pid, probe.pid]);
  console.log('process              | start to ready ms | at rest MiB | CPU %');
  for (const [i, name] of ['bare Node', 'bare grpc-js client', 'agent'].entries())
    console.log(
      `${name.padEnd(20)} | ${([node, bare, probe][i]?.ms ?? 0).toFixed(0).padStart(17)} | ${(rest[i]?.mib ?? 0).toFixed(0).padStart(11)} | ${(rest[i]?.cpu ?? 0).toFixed(2)}`,
    );
  const took = await makeServers(stack, servers);
  const pid = stack.pids('agent')[0] ?? 0;
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  const after = residentMib(pid);
  const [later] = await watch([pid]);
  console.log(
    `agent with ${servers} servers, made in ${took.toFixed(1)} s: ${after.toFixed(0)} MiB (${peak.toFixed(0)} at most), ${(later?.mib ?? 0).toFixed(0)} over the next ${seconds} s with ${(later?.cpu ?? 0).toFixed(2)} % CPU`,
  );
} finally {
  for (const child of children) await end(child);
  echo.close();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

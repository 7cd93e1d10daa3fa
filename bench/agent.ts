/**
 * The agent as customers run it: resident memory and CPU at rest, start to Ready, and memory with 200 servers made, beside a bare Node and a
 * bare grpc-js client with one stream in the same run.
 * Usage: node bench/agent.ts [--servers 200] [--seconds 60] [--starts 7]
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { Authority } from '../services/agent-gateway/src/authority/authority.ts';
import { makeRequest } from '../services/agent-gateway/src/testing/peer.ts';
import { serveEcho } from './bare-grpc.ts';
import { bundledAgent, end, enrolProbe, node, startUntil, type Program } from './program.ts';
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

/** Median milliseconds of starting it `starts` times; the last one is left running. */
async function startAgain(program: Program, args: readonly string[], said: string) {
  const times: number[] = [];
  for (let i = 1; ; i++) {
    const { child, ms } = await startUntil(program, args, said);
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
  const plain = await startAgain(node, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], 'up');
  const bare = await startAgain(node, [join(import.meta.dirname, 'agent.bare.ts'), echo.endpoint, echo.file], 'ready');
  const agent = await bundledAgent();
  const enrolled = await enrolProbe(stack, agent, { folder, name: 'probe', numbers: '40000-49999' });
  const probe = await startAgain(agent, enrolled, 'session ready');
  children.push(plain.child, bare.child, probe.child);
  await delay(5_000);
  const rest = await watch([plain.pid, bare.pid, probe.pid]);
  console.log('process              | start to ready ms | at rest MiB | CPU %');
  for (const [i, name] of ['bare Node', 'bare grpc-js client', 'agent'].entries())
    console.log(
      `${name.padEnd(20)} | ${([plain, bare, probe][i]?.ms ?? 0).toFixed(0).padStart(17)} | ${(rest[i]?.mib ?? 0).toFixed(0).padStart(11)} | ${(rest[i]?.cpu ?? 0).toFixed(2)}`,
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

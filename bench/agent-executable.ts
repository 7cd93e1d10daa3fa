/**
 * The agent as one file: start to Ready and resident at rest, beside the same bundle run by Node and a bare Node in the same run; and, as root
 * where systemd-nspawn is, from `curl … | sh` to Ready on a machine with systemd of its own.
 * Usage: node bench/agent-executable.ts [--starts 7] [--seconds 60] [--installs 3]
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bundleAgent } from '../agent/bundle.ts';
import { buildExecutable } from '../agent/sea.ts';
import { Authorities } from '../services/agent-gateway/src/authority/authorities.ts';
import { noContainer, startContainer } from '../services/agent-gateway/src/testing/container.ts';
import { makeRelease, serveSecurely } from '../services/agent-gateway/src/testing/release.ts';
import { median } from './quantile.ts';
import { clientOf, noise, residentMib, startStack, type BenchStack } from './stack.ts';

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '60' },
    installs: { type: 'string', default: '3' },
  },
});
const [starts, seconds, installs] = [values.starts, values.seconds, values.installs].map(Number) as [
  number,
  number,
  number,
];
const folder = mkdtempSync(join(tmpdir(), 'truffle-bench-executable-'));

interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

async function startUntil(program: Program, args: readonly string[], said: string, env: NodeJS.ProcessEnv = {}) {
  const began = performance.now();
  const child = spawn(program.command, [...program.args, ...args], { env: { PATH: process.env['PATH'], ...env } });
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
  const gone = child.exitCode === null ? new Promise((done) => child.once('exit', done)) : undefined;
  child.kill('SIGTERM');
  await gone;
}

/** Enrols an agent of its own on the stack's site, and answers how it is run. */
async function enrol(stack: BenchStack, program: Program, first: number): Promise<readonly string[]> {
  const { orgId, url } = stack.info;
  const name = `probe-${first}`;
  const { token } = await clientOf(stack.info).agents.createJoinToken({ orgId, agentName: name });
  const config = join(folder, `${name}.yaml`);
  const site = readFileSync(join(stack.stateDir, 'agent', 'site.yaml'), 'utf8');
  writeFileSync(config, site.replace('20000-29999', `${first}-${first + 999}`), { mode: 0o600 });
  const data = ['--data-dir', join(folder, name)];
  await end(
    (await startUntil(program, ['enroll', '--server', url, ...data], 'enrolled', { TRUFFLE_JOIN_TOKEN: token })).child,
  );
  return ['run', ...data, '--config', config];
}

/** What a whole program costs at rest: the median of what is seen each second. */
async function watch(pids: readonly number[]): Promise<readonly number[]> {
  const seen = pids.map((): number[] => []);
  for (let second = 0; second < seconds; second++) {
    await delay(1_000);
    pids.forEach((pid, i) => seen[i]?.push(residentMib(pid)));
  }
  return seen.map((each) => median(each));
}

/** A port of this machine's link that leads to one of its loopback. */
async function forward(host: string, to: number): Promise<Server> {
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise<void>((done) => server.listen(0, host, done));
  return server;
}

/** Seconds from `curl … | sh` to the script's end, which is when the agent is ready. */
async function install(stack: BenchStack): Promise<readonly number[]> {
  const releases = join(folder, 'releases');
  await makeRelease(releases, '0.1.0');
  const took: number[] = [];
  const ports = JSON.parse(readFileSync(join(stack.stateDir, 'ports.json'), 'utf8')) as { agents: number };
  for (let n = 0; n < installs; n++) {
    const container = await startContainer();
    const { hostAddress } = container;
    const gateway = await forward(hostAddress, ports.agents);
    const origin = await serveSecurely(
      stack.info.url,
      await Authorities.open(join(folder, 'ca')),
      hostAddress,
      releases,
    );
    try {
      const { token } = await clientOf(stack.info).agents.createJoinToken({
        orgId: stack.info.orgId,
        agentName: `installed-${n}`,
      });
      writeFileSync(container.path('/root/ca.pem'), origin.authority);
      writeFileSync(container.path('/root/join-token'), token);
      await container.run(['mkdir', '-p', '/etc/truffle-agent']);
      writeFileSync(
        container.path('/etc/truffle-agent/local.env'),
        `TRUFFLE_AGENT_ENDPOINTS=${hostAddress}:${(gateway.address() as AddressInfo).port}\n`,
      );
      const began = performance.now();
      const command = `curl -fsSL --cacert /root/ca.pem ${origin.url}/install.sh | sh -s -- --server ${origin.url} --ca-file /root/ca.pem --token-file /root/join-token`;
      const { code, stderr, stdout } = await container.run(['sh', '-c', command]);
      if (code !== 0) throw new Error(`the script ended with ${code}: ${stdout}${stderr}`);
      took.push((performance.now() - began) / 1000);
    } finally {
      origin.close();
      gateway.close();
      await container.close();
    }
  }
  return took;
}

const { entry, flags } = await bundleAgent();
const executable = await buildExecutable();
const programs: readonly Program[] = [
  { name: 'bundle run by Node', command: process.execPath, args: [...flags, entry] },
  { name: 'executable', command: executable, args: [] },
];
// As after a reboot: pages that were just written are mapped in larger pieces than those that are read.
execFileSync('sh', ['-c', 'sync "$1" && dd if="$1" iflag=nocache count=0 2> /dev/null', 'sh', executable]);
const stack = await startStack({ simulator: ['--clone-ms', '0', '--boot-ms', '0'] });
const children: ChildProcess[] = [];
try {
  console.log(
    `noise of the machine: ${noise()}; the executable has ${(statSync(executable).size / 1024 / 1024).toFixed(0)} MiB`,
  );
  const runs = [];
  for (const [i, program] of programs.entries())
    runs.push({ program, args: await enrol(stack, program, 40_000 + 1_000 * i), times: [] as number[] });
  // In turn, so that what else the machine does falls on both.
  for (let n = 0; n < starts; n++)
    for (const run of runs) {
      const { child, ms } = await startUntil(run.program, run.args, 'session ready');
      run.times.push(ms);
      if (n < starts - 1) await end(child);
      else children.push(child);
    }
  const bare = await startUntil(
    { name: 'bare Node', command: process.execPath, args: [] },
    ['-e', 'console.log("up"); setInterval(() => {}, 1000)'],
    'up',
  );
  children.push(bare.child);
  await delay(5_000);
  const rest = await watch(children.map(({ pid }) => pid ?? 0));
  console.log('process            | start to ready ms | at rest MiB');
  for (const [i, { program, times }] of runs.entries())
    console.log(`${program.name.padEnd(18)} | ${median(times).toFixed(0).padStart(17)} | ${(rest[i] ?? 0).toFixed(0)}`);
  console.log(`${'bare Node'.padEnd(18)} | ${bare.ms.toFixed(0).padStart(17)} | ${(rest[2] ?? 0).toFixed(0)}`);
  const missing = noContainer();
  if (missing === '')
    console.log(`install script to ready: ${(await install(stack)).map((s) => s.toFixed(1)).join(', ')} s`);
  else console.log(`install script to ready: not measured, as ${missing}`);
} finally {
  for (const child of children) await end(child);
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

/**
 * The agent as one file: start to Ready and resident at rest, beside the same bundle run by Node and a bare Node in the same run; and, as root
 * where systemd-nspawn is, from `curl … | sh` to Ready on a machine with systemd of its own.
 * Usage: node bench/agent-executable.ts [--starts 7] [--seconds 60] [--installs 3]
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openFront } from '@truffle/testkit';
import { buildExecutable } from '../agent/sea.ts';
import { Authorities } from '../services/agent-gateway/src/authority/authorities.ts';
import { noContainer, startContainer } from '../services/agent-gateway/src/testing/container.ts';
import { makeRelease, serveSecurely } from '../services/agent-gateway/src/testing/release.ts';
import { bundledAgent, end, enrolProbe, node, startUntil, type Program } from './program.ts';
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

/** What a whole program costs at rest: the median of what is seen each second. */
async function watch(pids: readonly number[]): Promise<readonly number[]> {
  const seen = pids.map((): number[] => []);
  for (let second = 0; second < seconds; second++) {
    await delay(1_000);
    pids.forEach((pid, i) => seen[i]?.push(residentMib(pid)));
  }
  return seen.map((each) => median(each));
}

/** What of a process's memory is in no file, and its pages with those that others map as well divided among them (proc(5), smaps_rollup). */
function shares(pid: number): string {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const [anonymous, pss] = ['Anonymous', 'Pss'].map(
    (key) => Number(new RegExp(`^${key}: +(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024,
  );
  return `${anonymous?.toFixed(0)}, ${pss?.toFixed(0)}`;
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
    const gateway = await openFront({ host: hostAddress });
    gateway.to(ports.agents);
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
      writeFileSync(container.path('/etc/truffle-agent/local.env'), `TRUFFLE_AGENT_ENDPOINTS=${gateway.address}\n`);
      const began = performance.now();
      const command = `curl -fsSL --cacert /root/ca.pem ${origin.url}/install.sh | sh -s -- --server ${origin.url} --ca-file /root/ca.pem --token-file /root/join-token`;
      const { code, stderr, stdout } = await container.run(['sh', '-c', command]);
      if (code !== 0) throw new Error(`the script ended with ${code}: ${stdout}${stderr}`);
      took.push((performance.now() - began) / 1000);
    } finally {
      origin.close();
      await gateway.close();
      await container.close();
    }
  }
  return took;
}

const executable = await buildExecutable();
const programs: readonly (readonly [string, Program])[] = [
  ['bundle run by Node', await bundledAgent()],
  ['executable', { command: executable, args: [] }],
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
  for (const [i, [name, program]] of programs.entries()) {
    const first = 40_000 + 1_000 * i;
    const args = await enrolProbe(stack, program, { folder, name: `probe-${i}`, numbers: `${first}-${first + 999}` });
    runs.push({ name, program, args, times: [] as number[] });
  }
  // In turn, so that what else the machine does falls on both.
  for (let n = 0; n < starts; n++)
    for (const run of runs) {
      const { child, ms } = await startUntil(run.program, run.args, 'session ready');
      run.times.push(ms);
      if (n < starts - 1) await end(child);
      else children.push(child);
    }
  const bare = await startUntil(node, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], 'up');
  children.push(bare.child);
  await delay(5_000);
  const rest = await watch(children.map(({ pid }) => pid ?? 0));
  console.log(
    'process            | start to ready ms | at rest MiB | of these its own, and its share of what is shared',
  );
  const shown = [...runs.map(({ name, times }) => [name, median(times)] as const), ['bare Node', bare.ms] as const];
  for (const [i, [name, ms]] of shown.entries())
    console.log(
      `${name.padEnd(18)} | ${ms.toFixed(0).padStart(17)} | ${(rest[i] ?? 0).toFixed(0).padStart(11)} | ${shares(children[i]?.pid ?? 0)}`,
    );
  const missing = noContainer();
  if (missing === '')
    console.log(`install script to ready: ${(await install(stack)).map((s) => s.toFixed(1)).join(', ')} s`);
  else console.log(`install script to ready: not measured, as ${missing}`);
} finally {
  for (const child of children) await end(child);
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

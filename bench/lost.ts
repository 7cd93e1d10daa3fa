/**
 * How soon the API shows an agent as OFFLINE that is not heard any more: some are frozen (SIGSTOP), some lose their network (their link goes
 * down; in a network namespace, so this needs root on Linux). Keep-alive and its time-out together are 25 s.
 * Usage: node bench/lost.ts [--agents 5] [--rounds 2]
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { openFront, type Front } from '@truffle/testkit';
import { bundledAgent, enrolProbe } from './program.ts';
import { clientOf, median, noise, startStack, type BenchStack } from './stack.ts';

const { values } = parseArgs({
  options: { agents: { type: 'string', default: '5' }, rounds: { type: 'string', default: '2' } },
});
const [agents, rounds] = [Number(values.agents), Number(values.rounds)];
/** Keep-alive and its time-out, as the gateway has them. */
const silenceMs = 25_000;
const patienceMs = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'truffle-bench-lost-'));
const agent = await bundledAgent();
const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });

/** A network with one link, and a way over it to a port of this machine. */
class Island {
  readonly name = `tfl${process.pid}`;
  readonly #net = randomInt(1, 250);
  readonly #port: number;
  #front: Front | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Answers where the port is reached from inside. */
  async make(): Promise<string> {
    const [outer, inner] = [`${this.name}o`, `${this.name}i`];
    ip('netns', 'add', this.name);
    ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner);
    ip('link', 'set', inner, 'netns', this.name);
    ip('addr', 'add', `10.213.${this.#net}.1/24`, 'dev', outer);
    ip('link', 'set', outer, 'up');
    ip('-n', this.name, 'addr', 'add', `10.213.${this.#net}.2/24`, 'dev', inner);
    ip('-n', this.name, 'link', 'set', inner, 'up');
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
    this.#front = await openFront({ host: `10.213.${this.#net}.1` });
    this.#front.to(this.#port);
    return this.#front.address;
  }

  cut(off: boolean): void {
    ip('link', 'set', `${this.name}o`, off ? 'down' : 'up');
  }

  async remove(): Promise<void> {
    await this.#front?.close();
    ip('link', 'del', `${this.name}o`);
    ip('netns', 'del', this.name);
  }
}

interface Probe {
  readonly id: string;
  readonly child: ChildProcess;
}

/** Enrols an agent without a reachable site, and starts it inside `island` if there is one. */
async function startProbe(stack: BenchStack, name: string, endpoint: string, island?: Island): Promise<Probe> {
  const args = await enrolProbe(stack, agent, { folder, name });
  const { command, args: before } =
    island === undefined
      ? agent
      : { command: 'ip', args: ['netns', 'exec', island.name, agent.command, ...agent.args] };
  const child = spawn(command, [...before, ...args], {
    env: { PATH: process.env['PATH'], TRUFFLE_AGENT_ENDPOINTS: endpoint },
    stdio: 'ignore',
  });
  const { orgId } = stack.info;
  const { agents: found } = await clientOf(stack.info).agents.listAgents({ orgId, name });
  return { id: found[0]?.id ?? '', child };
}

/** Milliseconds until each of them is shown in `state`. */
async function shown(stack: BenchStack, probes: readonly Probe[], state: AgentState): Promise<number[]> {
  const client = clientOf(stack.info);
  const began = performance.now();
  return Promise.all(
    probes.map(async ({ id }) => {
      for (;;) {
        const { agent } = await client.agents.getAgent({ agentId: id });
        const took = performance.now() - began;
        if (agent?.state === state) return took;
        if (took > patienceMs) throw new Error(`${id} is not shown as ${AgentState[state]}`);
        await delay(100);
      }
    }),
  );
}

/** Where agents reach the stack's gateway. */
function gatewayOf(stack: BenchStack): string {
  const environ = readFileSync(`/proc/${stack.pids('agent')[0]}/environ`, 'utf8').split('\0');
  return environ.find((line) => line.startsWith('TRUFFLE_AGENT_ENDPOINTS='))?.split('=')[1] ?? '';
}

function row(how: string, times: readonly number[]): void {
  const mid = median(times);
  const each = times.map((ms) => (ms / 1000).toFixed(1)).join(', ');
  console.log(
    `${how.padEnd(16)} | ${(mid / 1000).toFixed(1)} s | ${(Math.max(...times) / 1000).toFixed(1)} s | ${(mid / silenceMs).toFixed(2)}x | ${each}`,
  );
}

const stack = await startStack();
const endpoint = gatewayOf(stack);
const island = new Island(Number(endpoint.split(':')[1]));
const probes: Probe[] = [];
try {
  console.log(`noise of the machine: ${noise()}`);
  const inside = await island.make();
  for (let i = 0; i < agents; i++) probes.push(await startProbe(stack, `frozen-${i}`, endpoint));
  for (let i = 0; i < agents; i++) probes.push(await startProbe(stack, `cut-${i}`, inside, island));
  const [frozen, cut] = [probes.slice(0, agents), probes.slice(agents)];
  const seen = { frozen: [] as number[], cut: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    await shown(stack, probes, AgentState.ONLINE);
    await delay(10_000 + randomInt(15_000));
    for (const { child } of frozen) child.kill('SIGSTOP');
    seen.frozen.push(...(await shown(stack, frozen, AgentState.OFFLINE)));
    for (const { child } of frozen) child.kill('SIGCONT');
    island.cut(true);
    seen.cut.push(...(await shown(stack, cut, AgentState.OFFLINE)));
    island.cut(false);
  }
  console.log('how              | median | most | of 25 s | each');
  row('frozen', seen.frozen);
  row('network gone', seen.cut);
} finally {
  for (const { child } of probes) child.kill('SIGKILL');
  await island.remove();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

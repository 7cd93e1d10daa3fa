import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { programEnvironment } from '@truffle/config';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { startSimulator, type Simulator, type SimulatorOptions } from '@truffle/simulator';
import type { TruffleClient } from '@truffle/api';
import { until } from './until.ts';

const agentFolder = resolve(import.meta.dirname, '../../../agent');

/** What Node is given to run the agent as customers get it: bundled, anew when its sources have changed. */
export async function agentBundle(): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(agentFolder, 'bundle.ts')]);
  const { entry, flags } = JSON.parse(stdout) as { entry: string; flags: readonly string[] };
  return [...flags, entry];
}

/** The real agent in a process of its own. */
export interface TestAgent {
  /** The agent's data folder: identity and journal. */
  readonly dataDir: string;
  readonly agentId: string;
  /** Starts the agent; resolves when the control plane sees it online. */
  startAgent(): Promise<void>;
  /** Starts the agent, and waits for nothing. */
  launchAgent(further?: AgentLaunch): void;
  /** SIGKILL: nothing is flushed, nothing is said. */
  killAgent(): Promise<void>;
  /** Whether its process runs. */
  agentRuns(): boolean;
  /** Lets the agent's process stand still for so long, as a frozen machine does; resolves when it goes on. */
  pauseAgent(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** A simulated Proxmox site in this process, and the real agent on it. */
export interface TestSite extends TestAgent {
  readonly simulator: Simulator;
  /** Names of the VMs on the hypervisor that are no templates. */
  vms(): string[];
}

/** What else an agent is started with. */
export interface AgentLaunch {
  /** A module that Node loads before the program. */
  readonly preload?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface AgentOptions {
  readonly client: TruffleClient;
  readonly url: string;
  readonly orgId: string;
  /** Where the site's folder is made; default: the system's folder for such. */
  readonly within?: string;
  /** Name that the agent is enrolled under; default `test`. */
  readonly agentName?: string;
  /** Further variables for the running agent. */
  readonly agentEnv?: Readonly<Record<string, string>>;
  /** What Node is given to run the agent; default: its sources. */
  readonly agentProgram?: readonly string[];
  /** Takes what the agent writes to its log; default: the test's own stderr. */
  readonly agentLog?: (text: string) => void;
}

export interface SiteOptions extends AgentOptions {
  readonly simulator?: SimulatorOptions;
  /** Further lines of the site's configuration. */
  readonly siteConfig?: string;
}

/** A simulated site, and an agent on it that was enrolled by the path that a customer takes. */
export async function testSite({ simulator: simulated, siteConfig, ...options }: SiteOptions): Promise<TestSite> {
  const simulator = await startSimulator({ cloneMs: 0, bootMs: 0, authDelayMs: 0, ...simulated });
  const agent = await testAgent(options, (folder) => writeSiteConfig(folder, simulator, siteConfig ?? ''));
  return {
    ...agent,
    simulator,
    vms: () =>
      [...simulator.cluster.vms.values()]
        .filter((vm) => vm.config['template'] !== '1')
        .map((vm) => vm.config['name'] ?? ''),
    close: async () => {
      await agent.close();
      await simulator.close();
    },
  };
}

/**
 * Enrols an agent by the path that a customer takes and starts it.
 * @param writeConfig writes the site's config into the folder that it is given, and answers its path
 */
export async function testAgent(
  { client, url, orgId, ...options }: AgentOptions,
  writeConfig: (folder: string) => string,
): Promise<TestAgent> {
  const folder = mkdtempSync(join(options.within ?? tmpdir(), 'truffle-site-'));
  const dataDir = join(folder, 'agent');
  mkdirSync(dataDir, { mode: 0o700 });
  const config = writeConfig(folder);
  const program = options.agentProgram ?? [join(agentFolder, 'src', 'main.ts')];
  const agentName = options.agentName ?? 'test';
  const { token } = await client.agents.createJoinToken({ orgId, agentName });
  await ended(run([...program, 'enroll', '--server', url, '--data-dir', dataDir], { TRUFFLE_JOIN_TOKEN: token }));
  const agentId = (await client.agents.listAgents({ orgId, name: agentName })).agents[0]?.id ?? '';
  let agent: ChildProcess | undefined;
  const stop = async (signal: NodeJS.Signals) => {
    const process = agent;
    agent = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const gone = new Promise((done) => process.once('exit', done));
    process.kill(signal);
    await gone;
  };
  const site: TestAgent = {
    dataDir,
    agentId,
    launchAgent: ({ preload, env } = {}) => {
      const args = [...program, 'run', '--data-dir', dataDir, '--config', config];
      agent = run(
        args,
        { ...options.agentEnv, ...env },
        options.agentLog,
        preload === undefined ? [] : ['--import', preload],
      );
    },
    agentRuns: () => agent !== undefined && agent.exitCode === null && agent.signalCode === null,
    pauseAgent: async (ms) => {
      const paused = agent;
      paused?.kill('SIGSTOP');
      await delay(ms);
      paused?.kill('SIGCONT');
    },
    startAgent: async () => {
      site.launchAgent();
      await until('the agent to be online with its inventory', async () => {
        const { agent: seen } = await client.agents.getAgent({ agentId });
        return seen?.state === AgentState.ONLINE && seen.inventory !== undefined;
      });
    },
    killAgent: () => stop('SIGKILL'),
    close: async () => {
      await stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await site.startAgent();
  return site;
}

function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  log?: (text: string) => void,
  nodeArgs: readonly string[] = [],
): ChildProcess {
  const child = spawn(process.execPath, [...nodeArgs, ...args], {
    env: {
      ...programEnvironment(process.env),
      TRUFFLE_AGENT_LOG_LEVEL: 'warn',
      TRUFFLE_AGENT_RESERVE_MIB: '1',
      ...env,
    },
    stdio: ['ignore', 'ignore', log === undefined ? 'inherit' : 'pipe'],
  });
  if (log !== undefined) child.stderr?.setEncoding('utf8').on('data', log);
  // A test that was ended leaves no agent behind.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  const code = await new Promise((done) => child.once('exit', done));
  if (code !== 0) throw new Error(`the agent ended with code ${String(code)}`);
}

function writeSiteConfig(folder: string, { info }: Simulator, further: string): string {
  writeFileSync(join(folder, 'token'), info.tokenSecret, { mode: 0o600 });
  const path = join(folder, 'site.yaml');
  writeFileSync(
    path,
    `driver: pve
url: ${info.url}
tokenId: ${info.tokenId}
tokenSecretFile: token
caFile: ${info.caFile}
pool: truffle
vmids: 20000-29999
storage: shared
images: { debian-12: { vmid: 9000 } }
networks: { lan: { bridge: vmbr0 } }
bastion: { host: ${info.bastion.host}, port: ${info.bastion.port}, user: ${info.bastion.user}, keyFile: ${info.bastion.keyFile}, hostKeySha256: "${info.bastion.hostKeyFingerprint}" }
${further}`,
  );
  return path;
}

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { cacheFolder, programEnvironment } from '@truffle/config';
import { generateSealingKey, parseRecipientKey, recipientKeyText, recipientText } from '@truffle/sealing';
import { enrolAgent, type AgentProgram } from './agent-program.ts';
import { ChildError } from './children.ts';
import { until } from './deadline.ts';
import type { EngineRun } from './engines.ts';
import { untilReady } from './readiness.ts';
import { clientOf, type Owner } from './seed.ts';
import { checkout, readJson, removeFile, writePrivately, type StateFolder } from './state-folder.ts';

/** The simulated site, as its program describes itself. */
export interface SimulatorInfo {
  readonly url: string;
  readonly tokenId: string;
  readonly tokenSecret: string;
  readonly caFile: string;
  readonly bastion: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly keyFile: string;
    readonly hostKeyFingerprint: string;
  };
}

const agentName = 'demo';
const readyMilliseconds = 90_000;
/** The first start with real guests builds their image. */
const imageMilliseconds = 600_000;

/** Starts the simulated Proxmox site of this checkout, with further flags of its program in TRUFFLE_SIMULATOR_ARGS. It keeps its VMs in the state folder. */
export async function startSimulator(
  { children, folder, ports, env, say }: EngineRun,
  guests: string,
): Promise<SimulatorInfo> {
  const stateDir = join(folder.root, 'simulator');
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const infoFile = join(stateDir, 'info.json');
  removeFile(infoFile);
  const child = children.start({
    name: 'simulator',
    command: process.execPath,
    args: [
      join(checkout, 'simulator', 'src', 'main.ts'),
      '--port',
      String(ports.simulator),
      '--state-dir',
      stateDir,
      '--info-file',
      infoFile,
      '--guests',
      guests,
      ...(env['TRUFFLE_SIMULATOR_ARGS'] ?? '').split(' ').filter((arg) => arg !== ''),
    ],
    env: { ...programEnvironment(process.env), TRUFFLE_CACHE_DIR: cacheFolder(process.env) },
    cwd: folder.root,
    // Real guests are asked to shut down.
    ...(guests === 'scripted' ? {} : { stopMilliseconds: 20_000 }),
  });
  await untilReady(child, guests === 'scripted' ? readyMilliseconds : imageMilliseconds, () =>
    Promise.resolve(existsSync(infoFile)),
  );
  const info = readJson(infoFile) as SimulatorInfo;
  say(`simulator: a Proxmox VE site at ${info.url}`);
  return info;
}

/** Enrols an agent on the simulated site by the path that a customer takes (join token, certificate, stream) and waits until it is online. */
export async function startDemoAgent(
  run: EngineRun,
  program: AgentProgram,
  url: string,
  owner: Owner,
  simulator: SimulatorInfo,
): Promise<string> {
  const { folder, children, ports, say } = run;
  const endpoint = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const dataDir = join(folder.root, 'agent');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const config = writeSiteConfig(dataDir, simulator);
  const api = clientOf(url, owner.apiKey);
  const known = (await api.agents.listAgents({ orgId: owner.orgId, name: agentName })).agents[0];
  if (known === undefined || !existsSync(join(dataDir, 'identity', 'agent.json'))) {
    rmSync(dataDir, { recursive: true, force: true });
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeSiteConfig(dataDir, simulator);
    if (known !== undefined) await api.agents.deleteAgent({ agentId: known.id });
    const { token } = await api.agents.createJoinToken({ orgId: owner.orgId, agentName });
    await enrolAgent(program, { url, dataDir, token }, readyMilliseconds, run.signal);
  }
  const policy = ensurePolicy(dataDir, await ensureClientKey(folder));
  children.start({
    name: 'agent',
    command: process.execPath,
    // The ports may have changed since the agent enrolled.
    args: [...program, 'run', '--data-dir', dataDir, '--config', config, '--policy', policy, '--server', url],
    env: {
      ...programEnvironment(process.env),
      TRUFFLE_AGENT_ENDPOINTS: `127.0.0.1:${ports.agents}`,
      TRUFFLE_AGENT_HEALTH_LISTEN: `127.0.0.1:${ports.agentHealth}`,
      ...(endpoint === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
    },
    cwd: folder.root,
    stopMilliseconds: 15_000,
  });
  const agent = await until(
    { what: 'the demo agent to be online', milliseconds: readyMilliseconds, every: 50 },
    async () => {
      const found = (await api.agents.listAgents({ orgId: owner.orgId, name: agentName })).agents[0];
      if (found?.state !== AgentState.ONLINE) return undefined;
      const { agent: whole } = await api.agents.getAgent({ agentId: found.id });
      return whole?.inventory === undefined ? undefined : whole;
    },
  );
  say(`agent: ${agentName} is online`);
  return agent.id;
}

/** The key of this checkout's command line, which lies beside its context; made once. Answers its public half. */
async function ensureClientKey(folder: StateFolder): Promise<string> {
  const path = join(dirname(folder.context), 'key.json');
  if (!existsSync(path)) writePrivately(path, recipientKeyText(await generateSealingKey()));
  const pair = parseRecipientKey(readFileSync(path, 'utf8'));
  if (pair === undefined) throw new ChildError(`${path} is no key; move it away, and a new one is made`);
  return recipientText(pair.publicKey);
}

/** The demo site's own policy: who starts it has both sides, so its secrets may be told to the key of this checkout. One that is there is the person's. */
function ensurePolicy(dataDir: string, key: string): string {
  const path = join(dataDir, 'policy.yaml');
  if (!existsSync(path)) writePrivately(path, `recipients: [${key}]\n`);
  return path;
}

function writeSiteConfig(dataDir: string, { url, tokenId, tokenSecret, caFile, bastion }: SimulatorInfo): string {
  const secretFile = join(dataDir, 'pve-token');
  writePrivately(secretFile, tokenSecret);
  const path = join(dataDir, 'site.yaml');
  writePrivately(
    path,
    `driver: pve
url: ${url}
tokenId: ${tokenId}
tokenSecretFile: ${secretFile}
caFile: ${caFile}
pool: truffle
vmids: 20000-29999
storage: shared
images:
  debian-12: { vmid: 9000 }
  ubuntu-24.04: { vmid: 9001 }
networks:
  lan: { bridge: vmbr0 }
bastion:
  host: ${bastion.host}
  port: ${bastion.port}
  user: ${bastion.user}
  keyFile: ${bastion.keyFile}
  hostKeySha256: ${bastion.hostKeyFingerprint}
`,
  );
  return path;
}

// Long, as it is all that a test of a command needs: a site, an agent's folder, and a run as the agent's runner does it.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type CommandPayload,
  CommandPayloadSchema,
  type DeleteServerSchema,
  type EnsureServerSchema,
  type RunDeploymentSchema,
} from '@truffle/api/agent/v1/command';
import type { Failure } from '@truffle/api/type/v1/failure';
import { deriveId, newId, smbiosUuidOf } from '@truffle/ids';
import { generateSealingKey, keyId } from '@truffle/sealing';
import { type Simulator, type SimulatorOptions, startSimulator } from '@truffle/simulator';
import { pino } from 'pino';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { endOfThrow } from '../command/ending.ts';
import { Redactor } from '../command/redaction.ts';
import type { Site } from '../command/site.ts';
import { Journal } from '../journal/journal.ts';
import { openSite } from './site.ts';

export const orgId = deriveId('org', 'test');
export const clusterId = deriveId('clu', 'test');
export const agentId = deriveId('agt', 'test');

/** The agent dies here: thrown by a run that was told to. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** What one run of a command did. */
export interface Ran {
  readonly end: CommandEnd;
  readonly failure: Failure | undefined;
  readonly progress: readonly string[];
  /** Everything that left the agent: log lines, progress, failure. */
  readonly said: string;
}

/** When a run crashes: at the nth thing it tells the journal (after that is on disk) or tells of its progress, from 1. */
export interface RunOptions {
  readonly crashAt?: number;
  readonly signal?: AbortSignal;
}

/** A simulated site, an agent's folder and journal, and the site opened on them. */
export interface Fixture extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly site: Site;
  readonly journal: Journal;
  /** The neighbours of the agent's host; not there at first. */
  readonly neighbourFile: string;
  /** The site's config. */
  readonly configFile: string;
  /** Has the site's policy asked before VMs are removed of several. */
  removals(mayRemove: (name: string, vmid: number) => void): void;
  readonly sealing: Awaited<ReturnType<typeof generateSealingKey>>;
  /** Runs a command to its end, as the agent's runner does. @throws Crash when told to */
  run(commandId: string, payload: CommandPayload, options?: RunOptions): Promise<Ran>;
  /** Ends the agent and starts it on the same folder. */
  restart(): Promise<void>;
}

/** @param yaml lines that are added to the site's config @param mayDial default: every server may be reached */
export async function openFixture(
  options: SimulatorOptions = {},
  yaml = '',
  mayDial: (address: string) => void = () => undefined,
): Promise<Fixture> {
  const simulator = await startSimulator({ cloneMs: 0, bootMs: 0, agentWaitMs: 20, authDelayMs: 0, ...options });
  const dataFolder = mkdtempSync(join(tmpdir(), 'truffle-agent-'));
  const configFile = join(dataFolder, 'site.yaml');
  writeFileSync(join(dataFolder, 'token'), `${simulator.info.tokenSecret}\n`);
  writeFileSync(configFile, `${configOf(simulator)}${withDefaults(yaml)}`);
  const sealing = await generateSealingKey();
  let refuseRemoval: (name: string, vmid: number) => void = () => undefined;
  const open = (): Pick<Parts, 'journal' | 'site'> => {
    const journal = new Journal(join(dataFolder, 'journal.db'), (error) => {
      throw error;
    });
    const site = openSite(configFile, {
      log: pino({ level: 'silent' }),
      agentId,
      orgId,
      dataFolder,
      sealing: { current: sealing, privateKeys: { [keyId(sealing.publicKey)]: sealing.privateKey } },
      generatedSecret: (cluster, name, make) => journal.generatedSecret(cluster, name, make),
      mayDial,
      mayRemove: (name, vmid) => refuseRemoval(name, vmid),
      numbers: journal.numbers,
      neighbourFile: join(dataFolder, 'arp'),
      seeSealedVersion: (secretId, version) => journal.seeSealedVersion(secretId, version),
    });
    return { journal, site };
  };
  let at = open();
  const close = async (): Promise<void> => {
    await at.site.close();
    at.journal.close();
  };
  return {
    simulator,
    get site() {
      return at.site;
    },
    get journal() {
      return at.journal;
    },
    configFile,
    neighbourFile: join(dataFolder, 'arp'),
    removals: (mayRemove) => (refuseRemoval = mayRemove),
    sealing,
    run: (commandId, payload, runOptions = {}) => runCommand({ ...at, commandId, payload, options: runOptions }),
    restart: async () => {
      await close();
      at = open();
    },
    [Symbol.asyncDispose]: async () => {
      await close();
      await simulator.close();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** A server's command, with what the test changes. */
export function ensureServer(
  name: string,
  vmid: number,
  change: MessageInitShape<typeof EnsureServerSchema> = {},
): CommandPayload {
  const serverId = deriveId('srv', name);
  const gib = 2n ** 30n;
  const value = {
    serverId,
    clusterId,
    orgId,
    name,
    vmid,
    node: 'pve1',
    image: 'debian-12',
    cpu: 1,
    memoryBytes: gib,
    diskBytes: 8n * gib,
    networks: ['lan'],
    smbiosUuid: smbiosUuidOf(serverId),
    ...change,
  };
  return create(CommandPayloadSchema, { op: { case: 'ensureServer', value } });
}

export function deleteServer(
  name: string,
  vmid: number,
  change: MessageInitShape<typeof DeleteServerSchema> = {},
): CommandPayload {
  const serverId = deriveId('srv', name);
  const value = { serverId, clusterId, orgId, vmid, smbiosUuid: smbiosUuidOf(serverId), ...change };
  return create(CommandPayloadSchema, { op: { case: 'deleteServer', value } });
}

export function runDeployment(name: string, value: MessageInitShape<typeof RunDeploymentSchema>): CommandPayload {
  const all = { serverId: deriveId('srv', name), clusterId, orgId, ...value };
  return create(CommandPayloadSchema, { op: { case: 'runDeployment', value: all } });
}

/** A command of any kind, as the test spells it. */
export function command(op: NonNullable<MessageInitShape<typeof CommandPayloadSchema>['op']>): CommandPayload {
  return create(CommandPayloadSchema, { op });
}

/** What names a server in every command about one. */
export function serverOf(name: string, vmid: number) {
  const serverId = deriveId('srv', name);
  return { serverId, clusterId, orgId, vmid, smbiosUuid: smbiosUuidOf(serverId) };
}

/** Gives the token more rights, as an operator would. */
export function grant({ cluster }: Simulator, path: string, privileges: readonly string[]): void {
  const roleid = `Test${cluster.access.acl.length}`;
  const { access } = cluster;
  const above = (type: 'user' | 'token', ugid: string) =>
    access.acl
      .filter((entry) => entry.ugid === ugid && path.startsWith(entry.path) && entry.type === type)
      .toSorted((a, b) => b.path.length - a.path.length)[0]?.roleid;
  // A deeper entry replaces what is inherited, so it says all of it.
  access.roles[roleid] = [...new Set([...privileges, ...(access.roles[above('user', 'truffle@pve') ?? ''] ?? [])])];
  access.acl = access.acl.filter((entry) => entry.path !== path);
  for (const [type, ugid] of [
    ['user', 'truffle@pve'],
    ['token', 'truffle@pve!agent'],
  ] as const)
    access.acl.push({ path, type, ugid, roleid, propagate: true });
}

/** How many tasks of a type the site has begun. */
export function tasksOf({ simulator }: Pick<Fixture, 'simulator'>, type: string): number {
  return [...simulator.cluster.tasks.byUpid.values()].filter((task) => task.parts.type === type).length;
}

export const commandId = (): string => newId('cmd');

function withDefaults(yaml: string): string {
  const waits = yaml.includes('waits:') ? '' : 'waits: { lostReplySeconds: 1 }\n';
  const networks = yaml.includes('networks:') ? '' : 'networks: { lan: { bridge: vmbr0 } }\n';
  return `${waits}${networks}${yaml}`;
}

function configOf({ info }: Simulator): string {
  const { bastion } = info;
  return `driver: pve
url: ${info.url}
tokenId: ${info.tokenId}
tokenSecretFile: token
caFile: ${info.caFile}
pool: truffle
vmids: 20000-29999
storage: shared
images: { debian-12: { vmid: 9000 }, ubuntu-24.04: { vmid: 9001 } }
bastion: { host: ${bastion.host}, port: ${bastion.port}, user: ${bastion.user}, keyFile: ${bastion.keyFile}, hostKeySha256: "${bastion.hostKeyFingerprint}" }
`;
}

interface Parts {
  readonly journal: Journal;
  readonly site: Site;
  readonly commandId: string;
  readonly payload: CommandPayload;
  readonly options: RunOptions;
}

async function runCommand({ journal, site, commandId, payload, options }: Parts): Promise<Ran> {
  accept(journal, commandId, payload);
  const handler = site.handlers.find((each) => each.kind === payload.op.case);
  if (handler === undefined) throw new Error(`no handler of ${payload.op.case ?? ''}`);
  const signal = options.signal ?? AbortSignal.timeout(60_000);
  const redactor = new Redactor();
  const progress: string[] = [];
  const log: string[] = [];
  let told = 0;
  const crash = (): void => {
    told += 1;
    if (told === options.crashAt) throw new Crash(`crashed at ${told}`);
  };
  const run: CommandRun = {
    commandId,
    payload,
    signal,
    traceparent: '',
    recall: (name) => journal.step(commandId, name),
    intend: (name, handle) => {
      const record = journal.intend(commandId, name, handle);
      crash();
      return record;
    },
    observe: (name, observed) => {
      journal.observe(commandId, name, observed);
      crash();
    },
    progress: (step, detail) => {
      progress.push(`${step}: ${redactor.apply(detail)}`);
      crash();
    },
    log: (_stream, text) => void log.push(redactor.apply(text)),
    redact: (value) => redactor.add(value),
  };
  const end = await settle(handler.run(run), { journal, commandId, signal, redact: redactor.apply });
  const said = [...log, ...progress, JSON.stringify(end.failure ?? '')].join('\n');
  return { end, failure: end.failure, progress, said };
}

async function settle(
  running: Promise<CommandEnd>,
  facts: { journal: Journal; commandId: string; signal: AbortSignal; redact: (text: string) => string },
): Promise<CommandEnd> {
  try {
    return await running;
  } catch (thrown) {
    if (thrown instanceof Crash) throw thrown;
    const { journal, commandId, signal, redact } = facts;
    const end = endOfThrow({ thrown, signal, steps: journal.stepCount(commandId), redact });
    if (end === undefined || end.failure?.reason === 'INTERNAL') throw thrown;
    return end;
  }
}

function accept(journal: Journal, id: string, payload: CommandPayload): void {
  if (journal.entry(id) !== undefined) return;
  const bytes = toBinary(CommandPayloadSchema, payload);
  const payloadSha256 = createHash('sha256').update(bytes).digest();
  journal.accept({
    id,
    resourceKey: id,
    fence: 1,
    payload: bytes,
    payloadSha256,
    runTimeoutMs: 0,
    needsPermit: false,
    traceparent: '',
  });
}

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { type CommandPayload, CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import type { Failure } from '@truffle/api/type/v1/failure';
import { deriveId } from '@truffle/ids';
import { generateSealingKey, keyId } from '@truffle/sealing';
import { pino } from 'pino';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { endOfThrow } from '../command/ending.ts';
import { Redactor } from '../command/redaction.ts';
import type { Site } from '../command/site.ts';
import { Journal } from '../journal/journal.ts';
import { openSite } from './site.ts';

export const orgId = deriveId('org', 'test');
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

/** An agent's folder and journal, and the site opened on them. */
export interface AgentFixture extends AsyncDisposable {
  readonly site: Site;
  readonly journal: Journal;
  /** The agent's data folder. */
  readonly dataFolder: string;
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

/** @param prepare writes the site's config, given the data folder @param mayDial default: every server may be reached */
export async function openAgent(
  prepare: (dataFolder: string, configFile: string) => void,
  mayDial: (address: string) => void = () => undefined,
): Promise<AgentFixture> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'truffle-agent-'));
  const configFile = join(dataFolder, 'site.yaml');
  prepare(dataFolder, configFile);
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
    get site() {
      return at.site;
    },
    get journal() {
      return at.journal;
    },
    dataFolder,
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
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
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

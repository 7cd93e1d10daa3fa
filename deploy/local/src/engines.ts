import { existsSync, rmSync } from 'node:fs';
import { openChildren, sweepChildren, type Children } from './children.ts';
import { binarySources, ensureBinaries } from './engines/binaries.ts';
import type { BinarySources } from './engines/engine-release.ts';
import { natsRelease, natsUrl, startNats } from './engines/nats.ts';
import { postgresUrl, startPostgres, type PostgresServer } from './engines/postgres.ts';
import { postgresAccount, removeDataFolder } from './engines/postgres-account.ts';
import { postgresPrograms } from './engines/postgres-programs.ts';
import { ensureTemplate, layDownTemplate, servicesDatabase } from './engines/template.ts';
import { ensureNamespace, startTemporal, temporalRelease, temporalUrl } from './engines/temporal.ts';
import { ensureInternalTls, tlsFolder } from './internal-authority.ts';
import { tryLock } from './lock.ts';
import { choosePorts, type Ports } from './ports.ts';
import { keptSecret, openStateFolder, writeJson, type StateFolder } from './state-folder.ts';

/** Where the three engines are. The URLs carry their passwords: keep them out of logs. */
export interface EngineAddresses {
  /** A superuser's, to the services' database. */
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** The frontend's gRPC, `tls://host:port?tls=folder`, or `host:port` of one in clear. */
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
}

export interface Engines extends EngineAddresses {
  /** Resolves with the reason if an engine ends by itself. */
  readonly lost: Promise<Error>;
  /** Ends all that was started, in reverse order. */
  readonly stop: () => Promise<void>;
}

export interface EngineOptions {
  readonly stateDir: string;
  /** No progress lines on stderr. */
  readonly quiet?: boolean;
  /** Decides on external engines, cache and PATH. Default: the process's. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Another process runs the engines of this state folder. */
export class StateFolderBusyError extends Error {
  override readonly name = 'StateFolderBusyError';
  readonly code = 'STATE_FOLDER_BUSY';
  constructor(folder: string) {
    super(`another process runs on the state folder ${folder}`);
  }
}

/**
 * Starts PostgreSQL, NATS and Temporal on free loopback ports with their state in `stateDir`, and answers when all are healthy. An engine
 * whose address the environment gives is used instead of being started. They end with this process, however it ends.
 * @throws StateFolderBusyError, EngineUnavailableError, ChildError
 */
export async function startEngines(options: EngineOptions): Promise<Engines> {
  const say = options.quiet === true ? () => {} : (line: string) => void process.stderr.write(`${line}\n`);
  const engineRun = await openRun({
    stateDir: options.stateDir,
    env: options.env ?? process.env,
    say,
    signal: new AbortController().signal,
    anyPorts: true,
  });
  try {
    return { ...(await raiseEngines(engineRun)), lost: engineRun.children.lost, stop: engineRun.close };
  } catch (error) {
    await engineRun.close();
    throw error;
  }
}

/** Removes a state folder with all data, also what of it lies elsewhere. Nothing may run on it. */
export function removeState(stateDir: string): void {
  const folder = openStateFolder(stateDir);
  removeDataFolder(folder.postgres);
  rmSync(folder.root, { recursive: true, force: true });
}

/** A state folder that is ours alone until it is closed, swept of what an earlier run left behind. */
export interface EngineRun {
  readonly folder: StateFolder;
  readonly children: Children;
  readonly ports: Ports;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** Ends a download or build under way. */
  readonly signal: AbortSignal;
  /** Ends all children in reverse order and lets the folder go. Safe to call again. */
  readonly close: () => Promise<void>;
}

export interface RunOptions {
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Prefer no port over another. */
  readonly anyPorts: boolean;
}

/** @throws StateFolderBusyError */
export async function openRun({ stateDir, env, say, signal, anyPorts }: RunOptions): Promise<EngineRun> {
  const folder = openStateFolder(stateDir);
  const lock = tryLock(folder.lock);
  if (lock === undefined) throw new StateFolderBusyError(folder.root);
  try {
    await sweepChildren(folder, say);
    const ports = await choosePorts(folder.ports, say, anyPorts);
    const children = openChildren(folder);
    const close = async (): Promise<void> => {
      await children.stopAll();
      lock.release();
    };
    return { folder, children, ports, env, say, signal, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Starts what the environment does not give: NATS beside PostgreSQL, then Temporal on it. */
export async function raiseEngines(engineRun: EngineRun): Promise<EngineAddresses> {
  const { env, say, ports, folder } = engineRun;
  await ensureInternalTls(folder);
  const sources = binarySources(env, say, engineRun.signal);
  const temporalNamespace = env['TRUFFLE_TEMPORAL_NAMESPACE'] || 'truffle';
  const externalDatabase = env['TRUFFLE_DATABASE_URL'];
  const externalTemporal = env['TRUFFLE_TEMPORAL_ADDRESS'];
  for (const [name, address] of [
    ['PostgreSQL', externalDatabase],
    ['NATS', env['TRUFFLE_NATS_URL']],
    ['Temporal', externalTemporal],
  ])
    if (address) say(`${name}: using the one that the environment names`);
  const [nats, database] = await allOrFirstError([
    env['TRUFFLE_NATS_URL'] || raiseNats(engineRun, sources),
    // A Temporal of ours always has a PostgreSQL of ours: an external one is for the services alone.
    externalDatabase && externalTemporal
      ? externalDatabase
      : raisePostgresAndTemporal(engineRun, sources, temporalNamespace, !externalTemporal),
  ]);
  const temporalAddress = externalTemporal || temporalUrl(ports.temporal, tlsFolder(folder, 'operator'));
  await ensureNamespace(temporalAddress, temporalNamespace);
  return { databaseUrl: externalDatabase || database, natsUrl: nats, temporalAddress, temporalNamespace };
}

async function raiseNats({ folder, children, ports, say }: EngineRun, sources: BinarySources): Promise<string> {
  const { server } = await ensureBinaries(natsRelease, sources);
  const password = keptSecret(folder, 'nats');
  await startNats(children, folder, server ?? '', ports.nats, password);
  say(`nats: ready on 127.0.0.1:${ports.nats}`);
  return natsUrl(ports.nats, password, tlsFolder(folder, 'operator'));
}

async function raisePostgresAndTemporal(
  { folder, children, ports, say }: EngineRun,
  sources: BinarySources,
  namespace: string,
  withTemporal: boolean,
): Promise<string> {
  const account = postgresAccount();
  const programs = await postgresPrograms(sources.path, account);
  const temporal = await ensureBinaries(temporalRelease, sources);
  const server: PostgresServer = {
    programs,
    account,
    data: folder.postgres,
    port: ports.postgres,
    password: keptSecret(folder, 'postgres'),
    tls: tlsFolder(folder, 'postgres'),
  };
  const temporalPassword = keptSecret(folder, 'temporal');
  if (!existsSync(folder.postgresWhole)) {
    const template = await ensureTemplate({
      cacheFolder: sources.cacheFolder,
      postgres: programs,
      temporal,
      account,
      namespace,
      say,
    });
    await layDownTemplate(template, server, temporalPassword);
    writeJson(folder.postgresWhole, { postgres: programs.version, temporal: temporalRelease.version });
  }
  await startPostgres(children, server);
  say(`postgres: ${programs.version} ready on 127.0.0.1:${ports.postgres}`);
  if (withTemporal) {
    await startTemporal(
      children,
      folder,
      temporal['server'] ?? '',
      ports,
      {
        port: ports.postgres,
        password: temporalPassword,
      },
      tlsFolder(folder, 'temporal'),
    );
    say(`temporal: ready on 127.0.0.1:${ports.temporal}`);
  }
  return postgresUrl(server, servicesDatabase);
}

/** Like Promise.all, but lets every one finish before it rejects, so that nothing starts after the clean-up. */
async function allOrFirstError<const T extends readonly unknown[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const outcomes = await Promise.allSettled(work);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}

import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { constants, existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { openChildren } from '../children.ts';
import { waitForLock } from '../lock.ts';
import { choosePorts } from '../ports.ts';
import { keptSecret, openStateFolder } from '../state-folder.ts';
import { initializeData, postgresUrl, query, setPasswords, startPostgres, type PostgresServer } from './postgres.ts';
import { give, makeDataFolder, removeDataFolder, type Account } from './postgres-account.ts';
import type { PostgresPrograms } from './postgres-programs.ts';
import { ensureNamespace, startTemporal, temporalRelease } from './temporal.ts';
import { temporalDatabases, updateSchema } from './temporal-database.ts';

/** Raised whenever what a template holds changes. */
const recipe = 1;

export interface TemplateMaker {
  readonly cacheFolder: string;
  readonly postgres: PostgresPrograms;
  readonly temporal: Readonly<Record<string, string>>;
  readonly account: Account | undefined;
  readonly namespace: string;
  readonly say: (line: string) => void;
}

/** The database that the services use. */
export const servicesDatabase = 'truffle';

/**
 * A stopped PostgreSQL data folder with Temporal's schema, its first start behind it, the namespace, and an empty database for the
 * services. Made once for each pair of versions and kept in the cache: copying it takes a second where making it takes ten. Its passwords
 * are random and thrown away.
 */
export async function ensureTemplate(maker: TemplateMaker): Promise<string> {
  const templates = join(maker.cacheFolder, 'templates');
  const name = `postgres-${maker.postgres.version}-temporal-${temporalRelease.version}-${maker.namespace}-${recipe}`;
  const template = join(templates, name);
  if (existsSync(template)) return template;
  await mkdir(templates, { recursive: true });
  const lock = await waitForLock(`${template}.lock`, 10 * 60_000, () =>
    maker.say('postgres: another checkout is preparing the data folder; waiting'),
  );
  try {
    if (!existsSync(template)) await makeTemplate(maker, templates, template);
  } finally {
    lock.release();
  }
  return template;
}

async function makeTemplate(maker: TemplateMaker, templates: string, template: string): Promise<void> {
  maker.say("postgres: preparing a data folder with Temporal's schema (only this once)");
  const folder = openStateFolder(await mkdtemp(join(templates, '.making-')));
  const children = openChildren(folder);
  try {
    const ports = await choosePorts(folder.ports, () => {}, true);
    const password = keptSecret(folder, 'password');
    const server: PostgresServer = {
      programs: maker.postgres,
      account: maker.account,
      data: folder.postgres,
      port: ports.postgres,
      password,
    };
    await initializeData(server);
    await setPasswords(server, { postgres: password });
    await startPostgres(children, server);
    await makeDatabases(server, password);
    const database = { port: ports.postgres, password };
    await updateSchema(maker.temporal['sqlTool'] ?? '', database);
    await startTemporal(children, folder, maker.temporal['server'] ?? '', ports, database);
    await ensureNamespace(`127.0.0.1:${ports.temporal}`, maker.namespace);
    await children.stopAll();
    await copyFolder(realpathSync(folder.postgres), join(folder.root, 'template'));
    await rename(join(folder.root, 'template'), template);
  } finally {
    await children.stopAll();
    removeDataFolder(folder.postgres);
    await rm(folder.root, { recursive: true, force: true });
  }
}

async function makeDatabases(server: PostgresServer, password: string): Promise<void> {
  const { role, main, visibility } = temporalDatabases;
  await query(
    postgresUrl(server, 'postgres'),
    `CREATE ROLE ${role} LOGIN PASSWORD '${password}'`,
    ...[main, visibility].map((name) => `CREATE DATABASE ${name} OWNER ${role}`),
    ...[main, visibility].map((name) => `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`),
    `CREATE DATABASE ${servicesDatabase}`,
  );
}

/** Makes the server's data folder from the template and gives its roles their own passwords. */
export async function layDownTemplate(
  template: string,
  server: PostgresServer,
  temporalPassword: string,
): Promise<void> {
  makeDataFolder(server.data, server.account);
  const data = realpathSync(server.data);
  await copyFolder(template, data);
  give(data, server.account);
  await setPasswords(server, { postgres: server.password, [temporalDatabases.role]: temporalPassword });
}

const copyFolder = (from: string, to: string): Promise<void> =>
  cp(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });

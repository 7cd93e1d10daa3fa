import { spawn } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Child, Children } from '../children.ts';
import { tlsFiles } from '@truffle/kit';
import { writePrivately } from '../state-folder.ts';
import { untilReady } from '../readiness.ts';
import { run } from './path-lookup.ts';
import { give, makeDataFolder, type Account } from './postgres-account.ts';
import type { PostgresPrograms } from './postgres-programs.ts';

/** A PostgreSQL of ours: its programs, where its data is, where it listens. */
export interface PostgresServer {
  readonly programs: PostgresPrograms;
  readonly account: Account | undefined;
  readonly data: string;
  readonly port: number;
  /** The superuser's. */
  readonly password: string;
  /** Folder with the certificate that it shows; in clear without. */
  readonly tls?: string;
}

const superuser = 'postgres';

/** A superuser's URL of one of the server's databases. */
export const postgresUrl = (server: PostgresServer, database: string): string =>
  `postgresql://${superuser}:${server.password}@127.0.0.1:${server.port}/${database}${verified(server)}`;

const verified = ({ tls }: PostgresServer): string =>
  tls === undefined ? '' : `?sslmode=verify-full&sslrootcert=${encodeURIComponent(join(tls, tlsFiles.authority))}`;

/**
 * For a small machine that other things run on, and durable. No Unix socket: its path would be too long in deep checkouts. No
 * parallel queries: containers have little shared memory.
 */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_size: '512MB',
  fsync: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  log_min_messages: 'warning',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Makes an empty database cluster that nobody can log in to yet. The built-in C.UTF-8 sorts alike on every machine. */
export async function initializeData(server: PostgresServer): Promise<void> {
  makeDataFolder(server.data, server.account);
  const data = realpathSync(server.data);
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = ['-D', data, '-U', superuser, '--auth=trust', '--no-instructions', ...locale];
  await run(server.programs.initdb, args, { ...server.account, cwd: '/' });
  const access = join(data, 'pg_hba.conf');
  writeFileSync(access, 'host all all 127.0.0.1/32 scram-sha-256\n');
  give(access, server.account);
}

/** Sets passwords of roles while the server is down, in its single-user mode. */
export async function setPasswords(server: PostgresServer, passwords: Readonly<Record<string, string>>): Promise<void> {
  const statements = Object.entries(passwords).map(([role, password]) => `ALTER ROLE ${role} PASSWORD '${password}'\n`);
  const args = ['--single', '-D', realpathSync(server.data), '-c', 'log_min_messages=fatal', 'postgres'];
  const single = spawn(server.programs.postgres, args, {
    ...server.account,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let complaint = '';
  single.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  single.stdin.end(statements.join(''));
  const code = await new Promise((done, fail) => single.once('error', fail).once('close', done));
  // A failed statement does not end the single-user mode with an error, but is printed.
  if (code !== 0 || /ERROR|FATAL/.test(complaint))
    throw new PostgresError(`setting passwords failed: ${complaint.replaceAll(/'[^']*'/g, "'…'")}`);
}

/** Something that PostgreSQL itself could not do. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';
  readonly code = 'POSTGRES';
}

/** Starts the server and answers when it takes connections. */
export async function startPostgres(children: Children, server: PostgresServer): Promise<Child> {
  const args = ['-D', realpathSync(server.data), '-p', String(server.port), ...tlsArguments(server)];
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);
  const child = children.start({
    name: 'postgres',
    command: server.programs.postgres,
    args,
    ...(server.account === undefined ? {} : { account: server.account }),
    // The fast shutdown: SIGTERM would wait for clients to leave.
    stopSignal: 'SIGINT',
    stopMilliseconds: 20_000,
  });
  await untilReady(child, 60_000, () => query(postgresUrl(server, 'postgres'), 'SELECT 1').then(() => true));
  return child;
}

/** It reads its key only from a file of its own account. */
function tlsArguments({ tls, data, account }: PostgresServer): string[] {
  if (tls === undefined) return [];
  const own = {
    certificate: join(realpathSync(data), tlsFiles.certificate),
    key: join(realpathSync(data), tlsFiles.key),
  };
  for (const kind of ['certificate', 'key'] as const) {
    writePrivately(own[kind], readFileSync(join(tls, tlsFiles[kind]), 'utf8'));
    give(own[kind], account);
  }
  const shown = {
    ssl: 'on',
    ssl_cert_file: own.certificate,
    ssl_key_file: own.key,
    ssl_min_protocol_version: 'TLSv1.3',
  };
  return Object.entries(shown).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Runs statements one by one on a connection of its own. */
export async function query(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

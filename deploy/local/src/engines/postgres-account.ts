import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { EngineUnavailableError } from './engine-release.ts';

/** The account that PostgreSQL runs as: it refuses root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Where things go that the account must reach when the checkout is in a folder that only root may enter. */
const openFolder = '/var/lib/truffle';

/**
 * Undefined when we are not root (PostgreSQL then runs as we do). Under root the machine's `postgres` account, else `nobody`: the
 * bootstrap adds no account to the machine.
 */
export function postgresAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const ids = ['-u', '-g'].map((which) => spawnSync('id', [which, name], { encoding: 'utf8' }).stdout.trim());
    if (ids.every((id) => /^[1-9]\d*$/.test(id))) return { uid: Number(ids[0]), gid: Number(ids[1]) };
  }
  throw new EngineUnavailableError(
    'PostgreSQL does not run as root, and there is no account "postgres" or "nobody": add one (useradd --system postgres), or run as another user',
  );
}

/** The folder itself, or a copy of it that the account can reach. */
export function reachableCopy(folder: string, name: string, account: Account | undefined): string {
  if (account === undefined || mayEnter(folder, account)) return folder;
  const copy = join(openFolder, name);
  if (existsSync(copy)) return copy;
  makeOpenFolder();
  const next = `${copy}.${process.pid}`;
  cpSync(folder, next, { recursive: true, verbatimSymlinks: true });
  chmodSync(next, 0o755);
  try {
    renameSync(next, copy);
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

/**
 * Makes the data folder, empty and owned by the account. When the account can't reach it, it becomes a link to a folder that it can
 * reach, named after this path.
 */
export function makeDataFolder(path: string, account: Account | undefined): void {
  removeDataFolder(path);
  mkdirSync(path, { mode: 0o700 });
  if (account === undefined) return;
  give(path, account);
  if (mayEnter(path, account)) return;
  makeOpenFolder();
  const elsewhere = join(openFolder, `data-${createHash('sha256').update(resolve(path)).digest('hex').slice(0, 12)}`);
  rmSync(elsewhere, { recursive: true, force: true });
  mkdirSync(elsewhere, { mode: 0o700 });
  give(elsewhere, account);
  rmSync(path, { recursive: true });
  symlinkSync(elsewhere, path);
}

/** Removes the data folder, wherever it really is. */
export function removeDataFolder(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    rmSync(readlinkSync(path), { recursive: true, force: true });
  rmSync(path, { recursive: true, force: true });
}

export function give(path: string, account: Account | undefined): void {
  if (account !== undefined) execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, path]);
}

function mayEnter(folder: string, account: Account): boolean {
  return spawnSync('test', ['-x', folder], { ...account, cwd: '/' }).status === 0;
}

function makeOpenFolder(): void {
  mkdirSync(openFolder, { recursive: true, mode: 0o711 });
  chmodSync(openFolder, 0o711);
}

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** The folder that holds all state of this checkout: `$TRUFFLE_STATE_DIR`, else `.truffle` at its root. */
export const defaultStateFolder = (env: NodeJS.ProcessEnv): string =>
  resolve(env['TRUFFLE_STATE_DIR'] || join(checkout, '.truffle'));

/** Names of everything in a state folder, each said once. */
export interface StateFolder {
  readonly root: string;
  readonly logs: string;
  readonly keys: string;
  readonly postgres: string;
  /** There once the data folder is whole. */
  readonly postgresWhole: string;
  readonly nats: string;
  readonly temporal: string;
  readonly ports: string;
  readonly children: string;
  readonly supervisor: string;
  readonly lock: string;
  readonly context: string;
}

/** Makes the folder if it is missing. Only its owner may list it; root lets PostgreSQL's account pass through to its data. */
export function openStateFolder(root: string): StateFolder {
  const at = (name: string): string => join(root, name);
  const folder: StateFolder = {
    root,
    logs: at('logs'),
    keys: at('keys'),
    postgres: at('postgres'),
    postgresWhole: at('postgres.whole'),
    nats: at('nats'),
    temporal: at('temporal'),
    ports: at('ports.json'),
    children: at('children.json'),
    supervisor: at('supervisor.json'),
    lock: at('supervisor.lock'),
    context: at('context.json'),
  };
  mkdirSync(root, { recursive: true, mode: 0o700 });
  if (process.getuid?.() === 0) chmodSync(root, 0o711);
  for (const path of [folder.logs, folder.keys, folder.nats, folder.temporal])
    mkdirSync(path, { recursive: true, mode: 0o700 });
  return folder;
}

/** A secret of 192 bits that is made once and kept in the folder's keys. */
export function keptSecret(folder: StateFolder, name: string): string {
  const path = join(folder.keys, name);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const secret = randomBytes(24).toString('base64url');
  writePrivately(path, secret);
  return secret;
}

/** Writes a file that only its owner may read, all or nothing. */
export function writePrivately(path: string, text: string): void {
  const next = `${path}.${process.pid}.next`;
  writeFileSync(next, text, { mode: 0o600 });
  renameSync(next, path);
}

export const writeJson = (path: string, value: unknown): void =>
  writePrivately(path, `${JSON.stringify(value, null, 2)}\n`);

/** The JSON of a file that this program wrote; undefined when it is absent or was cut short. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

export const removeFile = (path: string): void => rmSync(path, { force: true });

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from '../failure/cli-error.ts';
import { readIfThere } from './project-file.ts';

/** One signed-in place. */
export interface StoredContext {
  readonly endpoint: string;
  /** Session token or API key. */
  readonly token?: string | undefined;
  /** Address of the person, or name of the key. */
  readonly user?: string | undefined;
  /** Id of the organization that commands use unless told. */
  readonly org?: string | undefined;
  /** Id of the project that commands use unless told. */
  readonly project?: string | undefined;
}

/** A sealing key that was seen first and is trusted since. */
export interface KnownAgent {
  readonly keyId: string;
  /** Words of the key. */
  readonly fingerprint: string;
  /** Where the agent's log of sealing keys stood then; absent for an agent that had none. */
  readonly entry?: KnownEntry;
}

/** An entry of a log of sealing keys that was seen: whatever comes later has to go on from it. */
export interface KnownEntry {
  readonly n: number;
  /** `keyLogHash` of it. */
  readonly hash: string;
  /** The identity key that signed it, in hex. */
  readonly identity: string;
}

/** The config of a person, in `config.json`. */
export interface Config {
  /** Name of the context in use; absent before the first login. */
  readonly current?: string | undefined;
  readonly contexts: Readonly<Record<string, StoredContext>>;
  /** By agent id. */
  readonly knownAgents: Readonly<Record<string, KnownAgent>>;
}

const empty: Config = { contexts: {}, knownAgents: {} };

/** `$XDG_CONFIG_HOME/truffle/config.json`, by default below `~/.config`. */
export function configPath(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'truffle', 'config.json');
}

/**
 * Reads the config; an absent one is empty.
 * @throws UsageError when it can't be understood
 */
export function readConfig(path: string): Config {
  const text = readIfThere(path);
  if (text === undefined) return empty;
  try {
    const data = JSON.parse(text) as Partial<Config> | null;
    if (typeof data !== 'object' || data === null) throw new SyntaxError('not an object');
    return { ...empty, ...data };
  } catch (cause) {
    throw new UsageError(`${path} is no valid config`, { cause, next: [`correct or remove it, then: truffle login`] });
  }
}

/** The config with `next` in the place of a token, in every context that has it. */
export const withToken = (config: Config, token: string, next: string): Config => ({
  ...config,
  contexts: Object.fromEntries(
    Object.entries(config.contexts).map(([name, each]) => [
      name,
      each.token === token ? { ...each, token: next } : each,
    ]),
  ),
});

/** Changes the config: readable by its owner only, and whole at any moment. */
export function changeConfig(path: string, change: (config: Config) => Config): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${randomBytes(4).toString('hex')}`;
  writeFileSync(next, `${JSON.stringify(change(readConfig(path)), null, 2)}\n`, { mode: 0o600 });
  chmodSync(next, 0o600);
  renameSync(next, path);
}

import { readFileSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { TruffleClient } from '@truffle/api';
import type { KeptToken } from './connection/connection.ts';
import { changeConfig, configPath, readConfig, withToken } from './context/config-file.ts';
import { resolveContext, type Context } from './context/context.ts';
import { parseDuration } from './context/duration.ts';
import { findProjectFile } from './context/project-file.ts';
import { NotSignedInError, TimedOutError, UsageError } from './failure/cli-error.ts';
import type { GlobalFlags, Invocation } from './invocation.ts';
import { colorsFor } from './output/colors.ts';
import { formats } from './output/format.ts';
import { Output } from './output/output.ts';
import { Notes } from './output/notes.ts';

const defaultCallMilliseconds = 30_000;

/** Text of a file, or of standard input for `-`. @throws UsageError when it can't be read */
export function readInput(path: string, option: string): string {
  try {
    return path === '-' ? readStandardInput() : readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`${option}: can't read ${path === '-' ? 'standard input' : path}`, {
      cause,
      next: ['check the path and that you may read it'],
    });
  }
}

/** Waits for the end of it, also where its other end is one that does not block (another program of Node's). */
function readStandardInput(): string {
  const parts: Buffer[] = [];
  const part = Buffer.alloc(65_536);
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;)
    try {
      const length = readSync(0, part);
      if (length === 0) return Buffer.concat(parts).toString();
      parts.push(Buffer.from(part.subarray(0, length)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, 20);
    }
}

/** Builds what a command works with from the process and the options. `interrupted` aborts at Ctrl-C. */
export function invocationOf(flags: GlobalFlags, interrupted: AbortSignal): Invocation {
  if (!formats.includes(flags.output))
    throw new UsageError(`--output ${flags.output} is none`, { next: [`one of ${formats.join(', ')}`] });
  const { env, stdout, stderr, stdin } = process;
  const now = Date.now;
  const timeout = flags.timeout === undefined ? undefined : parseDuration(flags.timeout, '--timeout');
  const signal =
    timeout === undefined ? interrupted : AbortSignal.any([interrupted, timeoutSignal(timeout, flags.timeout ?? '')]);
  const path = configPath(env);
  const colors = colorsFor(env, stderr.isTTY);
  const found = once(() => findProjectFile(process.cwd()));
  const context = once(() => contextOf(flags, env, found()?.file, path));
  const callMilliseconds = timeout ?? defaultCallMilliseconds;
  const notes = new Notes({
    quiet: flags.quiet === true,
    colors,
    live: stderr.isTTY && env['TERM'] !== 'dumb',
    write: (text) => void stderr.write(text),
  });
  const interactive = flags.input && stdin.isTTY && stderr.isTTY;
  const asked = interactive ? { stepUp: asker({ interactive, notes }) } : {};
  const keep = keeper(path, notes);
  const sessionWith = connector({ context, keep, callMilliseconds, signal, random: Math.random, sleep, ...asked });
  return {
    flags,
    env,
    cwd: process.cwd(),
    out: new Output(flags.output, (text) => void stdout.write(text), now),
    notes,
    interactive,
    signal,
    now,
    random: Math.random,
    sleep,
    size: () => ({ columns: stderr.columns || 80, rows: stderr.rows || 24 }),
    timeout,
    config: { path, read: () => readConfig(path), change: (change) => changeConfig(path, change) },
    projectFile: () => found()?.path,
    context,
    session: async () => {
      const token = context().token?.value;
      if (token === undefined) throw new NotSignedInError(context().endpoint.value);
      return sessionWith(token);
    },
    sessionWith,
  };
}

const sleep = (milliseconds: number, until: AbortSignal): Promise<void> =>
  delay(milliseconds, undefined, { signal: until }).catch((error: unknown) => {
    until.throwIfAborted();
    throw error;
  });

type ConnectorParts = Pick<Invocation, 'context' | 'signal' | 'random' | 'sleep'> & {
  readonly callMilliseconds: number;
  readonly stepUp?: (api: TruffleClient) => Promise<string>;
  readonly keep: (token: string) => KeptToken;
};

/** Asks the person for a proof of who they are; its code is loaded when it is wanted. */
const asker =
  (cli: Pick<Invocation, 'interactive' | 'notes'>) =>
  async (api: TruffleClient): Promise<string> =>
    (await import('./person/person.proof.ts')).stepUp(cli, api);

/** Makes sessions; the client's code is loaded at the first. */
const connector =
  ({ context, keep, ...rest }: ConnectorParts): Invocation['sessionWith'] =>
  async (token) => {
    const [{ connect }, { Session }] = await Promise.all([
      import('./connection/connection.ts'),
      import('./session.ts'),
    ]);
    const kept = token === undefined ? undefined : keep(token);
    return new Session(connect({ endpoint: context().endpoint.value, token, kept, ...rest }), context());
  };

/** Keeps new tokens where `token` came from: in the config, in every context that has it. */
const keeper =
  (path: string, notes: Notes) =>
  (token: string): KeptToken => {
    const [name] = Object.entries(readConfig(path).contexts).find(([, each]) => each.token === token) ?? [];
    return {
      read: () => (name === undefined ? undefined : readConfig(path).contexts[name]?.token),
      replace: (before, next) => {
        if (name !== undefined) changeConfig(path, (config) => withToken(config, before, next));
        else
          notes.warn('your session has a new token, and the one that you gave ends: sign in again with truffle login');
      },
    };
  };

function contextOf(
  flags: GlobalFlags,
  env: NodeJS.ProcessEnv,
  projectFile: Parameters<typeof resolveContext>[0]['projectFile'],
  path: string,
): Context {
  for (const [name, value] of [
    ['--endpoint', flags.endpoint],
    ['TRUFFLE_ENDPOINT', env['TRUFFLE_ENDPOINT']],
  ] as const)
    if (value !== undefined && value !== '' && !/^https?:\/\//.test(URL.canParse(value) ? value : ''))
      throw new UsageError(`${name} ${JSON.stringify(value)} is no address`, {
        next: ['write it like https://truffle.example.com'],
      });
  const tokenFile = env['TRUFFLE_TOKEN_FILE'];
  const config = readConfig(path);
  const named = flags.context ?? env['TRUFFLE_CONTEXT'];
  if (named !== undefined && named !== '' && config.contexts[named] === undefined)
    throw new UsageError(`there is no context ${JSON.stringify(named)}`, {
      next: ['truffle context list', `truffle login --context ${named}`],
    });
  return resolveContext({
    flags: {
      endpoint: flags.endpoint,
      context: flags.context,
      org: flags.org,
      project: flags.project,
      token: flags.tokenFile === undefined ? undefined : readInput(flags.tokenFile, '--token-file').trim(),
    },
    environment: {
      endpoint: env['TRUFFLE_ENDPOINT'],
      context: env['TRUFFLE_CONTEXT'] || undefined,
      org: env['TRUFFLE_ORG'],
      project: env['TRUFFLE_PROJECT'],
      token: env['TRUFFLE_TOKEN'] || (tokenFile ? readInput(tokenFile, 'TRUFFLE_TOKEN_FILE').trim() : undefined),
    },
    projectFile,
    config,
  });
}

function timeoutSignal(milliseconds: number, text: string): AbortSignal {
  const controller = new AbortController();
  setTimeout(
    () =>
      controller.abort(new TimedOutError(`not done within ${text}`, ['repeat the command with a longer --timeout'])),
    milliseconds,
  ).unref();
  return controller.signal;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

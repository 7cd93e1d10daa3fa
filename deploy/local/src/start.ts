import { fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { releaseAgent } from './agent-release.ts';
import { until } from './deadline.ts';
import { removeState, StateFolderBusyError } from './engines.ts';
import { tryLock } from './lock.ts';
import { UsageError, type StartFlags } from './command-line.ts';
import type { StackInfo } from './stack.ts';
import { defaultStateFolder, openStateFolder } from './state-folder.ts';
import { supervise } from './supervise.ts';
import { currentSupervisor } from './supervisor-record.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
/** A first start may build Temporal on a slow machine. */
const startMilliseconds = 40 * 60_000;

/** What the detached supervisor tells the process that started it. */
type Message =
  | { readonly say: string }
  | { readonly ready: StackInfo }
  | { readonly failed: string; readonly busy: boolean };

/** `npm start`: answers the exit code. */
export async function start(flags: StartFlags, args: readonly string[]): Promise<number> {
  if (flags.reset) reset();
  for (;;) {
    try {
      return flags.detach ? await startDetached(flags, args) : await startHere(flags);
    } catch (error) {
      if (!(error instanceof StateFolderBusyError)) throw error;
    }
    if (await joinRunning(flags)) return 0;
  }
}

/** The background half of `npm start -- --detach`. */
export async function startInBackground(flags: StartFlags): Promise<number> {
  const tell = (message: Message): void => void (process.connected && process.send?.(message));
  const stop = new AbortController();
  let ready = false;
  // Until it is ready, the one who asked must be there to hear how it ends.
  process.once('disconnect', () => ready || stop.abort());
  onSignal(() => stop.abort());
  try {
    await supervise(
      { stateDir: defaultStateFolder(process.env), env: process.env, say: (line) => (say(line), tell({ say: line })) },
      flags,
      stop.signal,
      (info) => {
        ready = true;
        tell({ ready: info });
        offerAgent(flags, stop.signal);
      },
    );
    return 0;
  } catch (error) {
    const busy = error instanceof StateFolderBusyError;
    tell({ failed: error instanceof Error ? error.message : String(error), busy });
    throw error;
  }
}

async function startHere(flags: StartFlags): Promise<number> {
  const stop = new AbortController();
  onSignal(() => stop.abort());
  if (process.connected) process.once('disconnect', () => stop.abort());
  const ending = await supervise(
    { stateDir: defaultStateFolder(process.env), env: process.env, say },
    flags,
    stop.signal,
    (info) => {
      announce(info, flags.json);
      if (!flags.json) say('Ctrl-C stops it.');
      offerAgent(flags, stop.signal);
    },
  );
  return ending === 'interrupted' ? 130 : 0;
}

/** For people: a script that starts this has its own way to the agent, and the build would be in its way. */
function offerAgent({ json, enginesOnly }: StartFlags, signal: AbortSignal): void {
  if (!json && !enginesOnly) void releaseAgent(openStateFolder(defaultStateFolder(process.env)), say, signal);
}

async function startDetached(flags: StartFlags, args: readonly string[]): Promise<number> {
  const folder = openStateFolder(defaultStateFolder(process.env));
  const probe = tryLock(folder.lock);
  if (probe === undefined) throw new StateFolderBusyError(folder.root);
  probe.release();
  const log = openSync(join(folder.logs, 'supervisor.log'), 'a', 0o600);
  const child = fork(join(import.meta.dirname, 'main.ts'), ['background', ...args], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  onSignal(() => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('message', (message: Message) => {
      if ('say' in message) return say(message.say);
      // Another start took the folder between our look and our child's.
      if ('failed' in message && message.busy) return reject(new StateFolderBusyError(folder.root));
      if ('failed' in message) return say(`truffle: ${message.failed}`);
      announce(message.ready, flags.json);
      if (!flags.json) say('It runs in the background: npm stop ends it.');
      child.disconnect();
      child.unref();
      resolve(0);
    });
    child.once('exit', (code) => resolve(code === 0 ? 130 : (code ?? 1)));
  });
}

/** Another start in the same checkout: waits until that one is ready and says what it offers; false when it ended instead. */
async function joinRunning(flags: StartFlags): Promise<boolean> {
  const folder = openStateFolder(defaultStateFolder(process.env));
  const running = currentSupervisor(folder);
  if (running?.info === undefined) say('another npm start is under way here, or ending: waiting for it');
  const info = await until(
    { what: 'the other start', milliseconds: startMilliseconds, every: 200 },
    () => currentSupervisor(folder)?.info ?? gone(folder.lock),
  );
  if (info === 'gone') return false;
  say(`already running here (pid ${currentSupervisor(folder)?.pid})`);
  announce(info, flags.json);
  return true;
}

function gone(lockPath: string): 'gone' | undefined {
  const lock = tryLock(lockPath);
  lock?.release();
  return lock === undefined ? undefined : 'gone';
}

function reset(): void {
  const folder = openStateFolder(defaultStateFolder(process.env));
  const lock = tryLock(folder.lock);
  if (lock === undefined)
    throw new UsageError('--reset: it is running; end it first (npm stop, or Ctrl-C where it runs)');
  lock.release();
  removeState(folder.root);
  say(`removed all state in ${folder.root}`);
}

function announce(info: StackInfo, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(info)}\n` : forPeople(info));
}

function forPeople(info: StackInfo): string {
  if (info.url === undefined)
    return `databaseUrl ${info.databaseUrl}\nnatsUrl ${info.natsUrl}\ntemporalAddress ${info.temporalAddress}\n`;
  const site = info.agentId === undefined ? '' : `  Site      a simulated Proxmox VE with the agent "demo" online\n`;
  const next =
    info.agentId === undefined
      ? 'npm run --silent truffle -- template list'
      : 'npm run --silent truffle -- cluster create hello --template static-site --wait';
  // The CLI finds its sign-in in the folder `.truffle`; state that lies elsewhere is out of its sight.
  const elsewhere = `truffle login --endpoint ${info.url}`;
  const signedIn =
    process.env['TRUFFLE_STATE_DIR'] === undefined
      ? `this folder is signed in; elsewhere: ${elsewhere}`
      : `first: npm run --silent ${elsewhere.replace('truffle ', 'truffle -- ')}`;
  return `
Truffle is ready.

  URL       ${info.url}
  Login     ${info.login?.email} / ${info.login?.password}
${site}
Next, in another terminal (${signedIn}):

  ${next}

`;
}

/** Ctrl-C, kill and a closed terminal all mean the same, however often they come: the end has its own deadlines. */
function onSignal(act: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, act);
}

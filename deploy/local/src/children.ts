import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from './process-identity.ts';
import { readJson, writeJson, type StateFolder } from './state-folder.ts';
import { stopProcess, type Stoppable } from './stop-process.ts';

/** A long-lived program that the bootstrap runs. Its output goes to `<name>.log` in the state folder. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Run as another account (only root can). */
  readonly account?: { readonly uid: number; readonly gid: number };
  readonly stopSignal?: NodeJS.Signals;
  readonly stopMilliseconds?: number;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, with the reason in words: `code 1`, `signal SIGKILL`. Never rejects. */
  readonly ended: Promise<string>;
  readonly hasEnded: () => boolean;
  /** The last lines that it logged. */
  readonly logTail: (lines?: number) => string;
  readonly stop: () => Promise<void>;
}

/** A program could not be run, or ended when it should not have. */
export class ChildError extends Error {
  override readonly name = 'ChildError';
  readonly code = 'CHILD_ENDED';
}

/** The processes that belong to one state folder: recorded there and watched by a guard, so that none outlives its supervisor. */
export interface Children {
  /** @throws ChildError when the program can't be run, or all are being stopped */
  start(program: Program): Child;
  /** Resolves with the first child that ends without having been stopped. */
  readonly lost: Promise<ChildError>;
  /** Ends all in reverse order of their start, then the guard. */
  stopAll(): Promise<void>;
}

/** Ends what a supervisor that died left behind in this state folder. Call it under the folder's lock. */
export async function sweepChildren(folder: StateFolder, say: (line: string) => void): Promise<void> {
  for (const child of ((readJson(folder.children) ?? []) as Stoppable[]).toReversed()) {
    const outcome = await stopProcess(child);
    if (outcome !== 'gone') say(`ended ${child.name} (pid ${child.pid}), left over from a run that died`);
  }
  writeJson(folder.children, []);
}

export function openChildren(folder: StateFolder): Children {
  const guard = startGuard();
  const running: { child: Child; record: Stoppable }[] = [];
  const lost = Promise.withResolvers<ChildError>();
  let stopping = false;
  const tell = (): void => {
    const records = running.map((each) => each.record);
    writeJson(folder.children, records);
    guard.stdin?.write(`${JSON.stringify(records)}\n`);
  };
  const forget = (pid: number): void => {
    const at = running.findIndex((each) => each.child.pid === pid);
    if (at >= 0) running.splice(at, 1);
    tell();
  };
  return {
    lost: lost.promise,
    start(program) {
      if (stopping) throw new ChildError(`${program.name} is not started: all is being stopped`);
      const { child, record } = startChild(folder, program);
      running.push({ child, record });
      tell();
      void child.ended.then((how) => {
        if (!stopping)
          lost.resolve(new ChildError(`${child.name} ended (${how}). Its log ends with:\n${child.logTail()}`));
        forget(child.pid);
      });
      return child;
    },
    async stopAll() {
      stopping = true;
      for (const { child } of running.toReversed()) await child.stop();
      guard.stdin?.end();
      guard.ref();
      if (guard.exitCode === null && guard.signalCode === null) await new Promise((done) => guard.once('exit', done));
    },
  };
}

/** In a session of its own, as all children are: a Ctrl-C in the terminal reaches the supervisor alone, which knows the order. */
function startGuard(): ChildProcess {
  const guard = spawn(process.execPath, [join(import.meta.dirname, 'guard.ts')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.stdin?.on('error', () => {});
  guard.unref();
  return guard;
}

function startChild(folder: StateFolder, program: Program): { child: Child; record: Stoppable } {
  const log = join(folder.logs, `${program.name}.log`);
  const spawned = spawnLogged(program, log);
  let over = false;
  const ended = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      over = true;
      resolve(how);
    };
    spawned.once('error', (error) => end(error.message));
    spawned.once('exit', (code, signal) => end(signal === null ? `code ${code}` : `signal ${signal}`));
  });
  if (spawned.pid === undefined) throw new ChildError(`${program.name} can't be run: ${program.command}`);
  const record: Stoppable = {
    // A child that is gone already is recorded with a start that no process has.
    ...(identify(spawned.pid) ?? { pid: spawned.pid, startedAt: 'gone' }),
    name: program.name,
    stopSignal: program.stopSignal ?? 'SIGTERM',
    stopMilliseconds: program.stopMilliseconds ?? 10_000,
  };
  const child: Child = {
    name: program.name,
    pid: spawned.pid,
    ended,
    hasEnded: () => over,
    logTail: (lines = 15) => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).map(shorten).join('\n'),
    async stop() {
      if (!over) await stopProcess(record);
      await ended;
    },
  };
  return { child, record };
}

function spawnLogged(program: Program, log: string): ChildProcess {
  if (existsSync(log)) renameSync(log, `${log}.1`);
  const output = openSync(log, 'a', 0o600);
  try {
    return spawn(program.command, program.args, {
      stdio: ['ignore', output, output],
      detached: true,
      env: program.env ?? process.env,
      cwd: program.cwd ?? folderThatAllMayEnter,
      ...program.account,
    });
  } finally {
    closeSync(output);
  }
}

const folderThatAllMayEnter = '/';

const shorten = (line: string): string => (line.length > 400 ? `${line.slice(0, 400)}…` : line);

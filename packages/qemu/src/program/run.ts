import { spawn } from 'node:child_process';

/** How a program ended. */
export interface Ran {
  /** Exit status; undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was ended because its time was over. */
  readonly late: boolean;
}

/** Characters that are kept of each stream: the end says what went wrong. */
const most = 4 * 1024 * 1024;
/** How long what a program wrote is read after its end. */
const drainMs = 1_000;

/**
 * Runs a program to its end; it is killed when its time is over or the signal fires. A process that it leaves in the background holds up nothing.
 * @throws Error when it can't be started, or the signal's reason
 */
export function runProgram(
  program: string,
  args: readonly string[],
  rest: {
    readonly deadlineMs: number;
    readonly signal?: AbortSignal | undefined;
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
  },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    rest.signal?.throwIfAborted();
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(rest.cwd === undefined ? {} : { cwd: rest.cwd }),
      ...(rest.env === undefined ? {} : { env: rest.env }),
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] = (said[stream] + text).slice(-most);
      });
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, rest.deadlineMs);
    const stop = (): void => void child.kill('SIGKILL');
    rest.signal?.addEventListener('abort', stop, { once: true });
    const settled = (): void => {
      clearTimeout(deadline);
      rest.signal?.removeEventListener('abort', stop);
    };
    child.once('error', (error) => {
      settled();
      reject(error);
    });
    let ended: number | undefined;
    child.once('exit', (code) => {
      ended = code ?? undefined;
      // What stays behind in the background may hold the pipes open; what the program itself wrote is read by then.
      setTimeout(() => {
        for (const stream of ['stdout', 'stderr'] as const) child[stream].destroy();
      }, drainMs).unref();
    });
    child.once('close', () => {
      settled();
      if (rest.signal?.aborted === true) reject(rest.signal.reason as Error);
      else resolve({ code: ended, ...said, late });
    });
  });
}

/** The last lines of a text that say something, oldest first. */
export function lastLines(text: string, lines = 20): readonly string[] {
  return text
    .split(/\r?\n|\r/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-lines);
}

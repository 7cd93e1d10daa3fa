import { spawn, type ChildProcess } from 'node:child_process';
import { onTestFinished } from 'vitest';

/** A child process of a test. */
export interface Child {
  readonly process: ChildProcess;
  /** What it wrote so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when `holds` is true of what it wrote; rejects when it ends before, or after 20 s. */
  until(holds: (stdout: string, stderr: string) => boolean): Promise<void>;
  /** Resolves with exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

const deadlineMs = 20_000;

/** Runs a program with this Node; killed by its pid when the test is over, if it still runs. */
export function startChild(args: readonly string[], env: Record<string, string> = {}): Child {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  const written = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  const notify = (): void => watchers.forEach((watch) => watch());
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      written[name] += chunk.toString();
      notify();
    });
  const { promise: ended, resolve } = Promise.withResolvers<number | NodeJS.Signals | null>();
  child.once('close', (code, signal) => {
    resolve(code ?? signal);
    notify();
  });
  const until: Child['until'] = (holds) =>
    new Promise<void>((met, failed) => {
      const timer = setTimeout(() => failed(new Error(`not seen in time; stderr: ${written.stderr}`)), deadlineMs);
      const watch = (): void => {
        const done = holds(written.stdout, written.stderr);
        const over = child.exitCode !== null || child.signalCode !== null;
        if (!done && !over) return;
        clearTimeout(timer);
        watchers.delete(watch);
        if (done) met();
        else failed(new Error(`ended before; stderr: ${written.stderr}`));
      };
      watchers.add(watch);
      watch();
    });
  return { process: child, stdout: () => written.stdout, stderr: () => written.stderr, until, ended };
}

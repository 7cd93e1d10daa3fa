import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programEnvironment } from '@truffle/config';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const patience = 15_000;

/** A home, a folder to stand in and an environment of its own for one test. */
export class Desk {
  readonly home = mkdtempSync(join(tmpdir(), 'truffle-cli-'));
  readonly env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv = {}) {
    this.env = { ...programEnvironment(process.env), HOME: this.home, TERM: 'xterm', ...env };
  }

  /** Runs the program to its end. */
  async run(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /** Starts the program without a terminal. */
  start(...args: readonly string[]): Running {
    return new Running(spawn(process.execPath, [main, ...args], { cwd: this.home, env: this.env }));
  }

  /** Starts the program in a terminal of 100 by 30; what it prints comes as one. */
  inTerminal(...args: readonly string[]): Running {
    const quoted = [process.execPath, main, ...args].map((each) => `'${each.replaceAll("'", `'\\''`)}'`).join(' ');
    return new Running(
      spawn('script', ['-qfec', `stty cols 100 rows 30; exec ${quoted}`, '/dev/null'], {
        cwd: this.home,
        env: { ...this.env, SHELL: '/bin/sh' },
      }),
    );
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A program at work. */
export class Running {
  out = '';
  err = '';
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #news = Promise.withResolvers<void>();

  constructor(child: ChildProcess) {
    this.#child = child;
    const take = (into: 'out' | 'err') => (chunk: Buffer) => {
      this[into] += chunk.toString();
      this.#news.resolve();
      this.#news = Promise.withResolvers<void>();
    };
    child.stdout?.on('data', take('out'));
    child.stderr?.on('data', take('err'));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, out: this.out, err: this.err }));
    });
  }

  /** Waits until what it has printed matches. */
  async prints(pattern: RegExp): Promise<void> {
    const late = AbortSignal.timeout(patience);
    const expired = new Promise<void>((resolve) => late.addEventListener('abort', () => resolve()));
    while (!pattern.test(this.out + this.err)) {
      if (late.aborted) throw new Error(`never printed ${pattern}; printed:\n${this.out}\n${this.err}`);
      await Promise.race([this.#news.promise, expired, this.ended]);
      if (this.#child.exitCode !== null && !pattern.test(this.out + this.err))
        throw new Error(
          `ended (${this.#child.exitCode}) without printing ${pattern}; printed:\n${this.out}\n${this.err}`,
        );
    }
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Types `text` and ends its standard input. */
  end(text: string): void {
    this.#child.stdin?.end(text);
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }
}

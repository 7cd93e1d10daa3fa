import type { Guest } from '../guest.ts';
import type { Command, List } from './ast.ts';

/** Input of a command: what comes is only known when somebody reads. */
export interface Input {
  all(): Promise<string>;
  /** The next line with its end, or nothing at the end of the input. */
  line(): Promise<string | undefined>;
}

export interface Io {
  input: Input;
  out: (text: string) => void;
  err: (text: string) => void;
}

/** What runs things in a shell; handed in, because everything that runs needs a shell itself. */
export interface Engine {
  runList(shell: Shell, list: List, tested?: boolean): Promise<number>;
  /** Runs a program, function or script by its words. */
  runWords(shell: Shell, words: readonly string[]): Promise<number>;
  /** Runs source text (a byte string) to its end, its exit trap included. */
  runSource(shell: Shell, source: string): Promise<number>;
  /** Where a command would be found. */
  locate(shell: Shell, name: string): string | undefined;
}

/** Ends the script with a message, as the shell's own errors do. */
export class ShellError extends Error {
  readonly code = 'SHELL_ERROR';
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** `exit`, and what ends a script under `set -e`. */
export class Exit extends Error {
  readonly code = 'SHELL_EXIT';
  readonly status: number;
  constructor(status: number) {
    super('exit');
    this.status = status;
  }
}

export class Return extends Exit {}

/** `break` and `continue`, `levels` loops out. */
export class Leave extends Error {
  readonly code = 'SHELL_LEAVE';
  readonly again: boolean;
  levels: number;
  constructor(again: boolean, levels: number) {
    super(again ? 'continue' : 'break');
    this.again = again;
    this.levels = levels;
  }
}

/** The machine went down under the script. */
export class Killed extends Error {
  readonly code = 'SHELL_KILLED';
}

export interface ShellOptions {
  errexit: boolean;
  nounset: boolean;
  xtrace: boolean;
  pipefail: boolean;
}

/** Commands one script may run: what loops for ever ends. */
const STEP_LIMIT = 500_000;

export interface Budget {
  steps: number;
}

/** The state of one shell: variables, functions, options and where it is. */
export class Shell {
  readonly guest: Guest;
  readonly user: string;
  readonly variables: Map<string, string>;
  readonly exported: Set<string>;
  readonly functions: Map<string, Command>;
  readonly options: ShellOptions;
  readonly budget: Budget;
  readonly bootId: string;
  readonly engine: Engine;
  positional: string[];
  name = 'sh';
  directory: string;
  status = 0;
  /** How the latest `$(…)` ended: what an assignment alone answers. */
  substituted: number | undefined;
  io: Io;
  exitTrap: string | undefined;
  jobs: Promise<unknown>[] = [];
  /** Whether whoever started the script has ended it. */
  stopped: () => boolean;

  constructor(guest: Guest, user: string, io: Io, engine: Engine, parent?: Shell) {
    this.engine = engine;
    this.guest = guest;
    this.user = user;
    this.io = io;
    this.bootId = parent?.bootId ?? guest.bootId;
    this.budget = parent?.budget ?? { steps: 0 };
    this.variables = new Map(parent?.variables ?? environment(user, guest));
    this.exported = new Set(parent?.exported ?? this.variables.keys());
    this.functions = new Map(parent?.functions);
    this.options =
      parent === undefined ? { errexit: false, nounset: false, xtrace: false, pipefail: false } : { ...parent.options };
    this.positional = [...(parent?.positional ?? [])];
    this.directory = parent?.directory ?? this.home;
    this.status = parent?.status ?? 0;
    this.stopped = parent?.stopped ?? (() => false);
  }

  get home(): string {
    return this.variables.get('HOME') ?? homeOf(this.user);
  }

  /** A variable or special parameter; nothing when it is not set. */
  variable(name: string): string | undefined {
    if (name === '?') return String(this.status);
    if (name === '#') return String(this.positional.length);
    if (name === '@' || name === '*') return this.positional.join(' ');
    if (name === '$') return '4242';
    if (name === '!') return String(4300 + this.jobs.length);
    if (name === '-') return `${this.options.errexit ? 'e' : ''}${this.options.nounset ? 'u' : ''}`;
    if (name === '0') return this.name;
    if (/^\d+$/.test(name)) return this.positional[Number(name) - 1];
    return this.variables.get(name);
  }

  assign(name: string, value: string): void {
    this.variables.set(name, value);
  }

  /** A shell of its own that starts as a copy of this one. */
  child(io: Partial<Io> = {}): Shell {
    return new Shell(this.guest, this.user, { ...this.io, ...io }, this.engine, this);
  }

  /** What a command substitution prints. */
  async capture(script: List): Promise<string> {
    let text = '';
    const child = this.child({
      out: (more) => {
        text += more;
      },
    });
    this.substituted = await this.engine.runList(child, script).catch((error: unknown) => {
      if (error instanceof Exit) return error.status;
      throw error;
    });
    return text;
  }

  /** Counts a command. @throws {Killed | ShellError} when the machine is down or the script never ends */
  step(): void {
    if (this.guest.bootId !== this.bootId || this.stopped()) throw new Killed('the machine went down');
    this.budget.steps += 1;
    if (this.budget.steps > STEP_LIMIT) throw new ShellError('too many commands for one simulated script', 2);
  }

  /** A path as seen from where the shell is. */
  path(given: string): string {
    return given.startsWith('/') ? given : `${this.directory}/${given}`;
  }
}

export function homeOf(user: string): string {
  return user === 'root' ? '/root' : `/home/${user}`;
}

function environment(user: string, guest: Guest): [string, string][] {
  return [
    ['HOME', homeOf(user)],
    ['USER', user],
    ['LOGNAME', user],
    ['SHELL', '/bin/bash'],
    ['LANG', 'C.UTF-8'],
    ['HOSTNAME', guest.hostname],
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['IFS', ' \t\n'],
  ];
}

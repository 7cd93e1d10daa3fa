import type { Context } from './context/context.ts';
import type { Config } from './context/config-file.ts';
import type { Format } from './output/format.ts';
import type { Output } from './output/output.ts';
import type { Notes } from './output/notes.ts';
import type { Session } from './session.ts';

/** Options that every command takes. */
export interface GlobalFlags {
  readonly endpoint?: string;
  readonly context?: string;
  readonly tokenFile?: string;
  readonly org?: string;
  readonly project?: string;
  readonly output: Format;
  readonly quiet?: boolean;
  /** False with `--no-input`. */
  readonly input: boolean;
  readonly timeout?: string;
}

/** What a command works with: everything of the world outside that it may touch. */
export interface Invocation {
  readonly flags: GlobalFlags;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Data, on standard output. */
  readonly out: Output;
  /** Everything said beside it, on standard error. */
  readonly notes: Notes;
  /** Whether a person is there to answer. */
  readonly interactive: boolean;
  /** Ends at Ctrl-C (InterruptedError) and when `--timeout` is over (TimedOutError); its reason is thrown. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Columns and rows of the terminal on standard error. */
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** Milliseconds of `--timeout`; undefined when not given. */
  readonly timeout: number | undefined;
  readonly config: {
    readonly path: string;
    readonly read: () => Config;
    readonly change: (change: (config: Config) => Config) => void;
  };
  /** Path of the project file in force; undefined without one. */
  readonly projectFile: () => string | undefined;
  readonly context: () => Context;
  /** Signed in; throws NotSignedInError when there is no credential. */
  readonly session: () => Promise<Session>;
  /** A client with the credential given, or none. */
  readonly sessionWith: (token: string | undefined) => Promise<Session>;
}

import type { CommandOutput, CommandPayload, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { Failure } from '@truffle/api/type/v1/failure';
import type { Watching } from '../journal/declared.ts';

/** JSON that survives a crash. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One sub-step of a command in the journal. */
export interface StepRecord {
  readonly name: string;
  /** Written (and on disk) before the effect: the deterministic handle by which the effect can be found again. */
  readonly handle: Json;
  /** Written after the effect was observed; undefined when the agent died in between. */
  readonly observed: Json | undefined;
}

/**
 * What a command's effect is given while it runs. The order for each sub-step is
 * intend (on disk) -> effect -> observe (on disk): after a crash the same command runs again and finds its steps.
 */
export interface CommandRun {
  readonly commandId: string;
  readonly payload: CommandPayload;
  /** Fires on cancel or when the run timeout passed; `reason` is a CommandStopped. */
  readonly signal: AbortSignal;
  /** W3C trace context of what asked for the command; empty for none. */
  readonly traceparent: string;
  /** The step as the journal has it; undefined when it was never intended. */
  recall(name: string): StepRecord | undefined;
  /** Journals the intent; a second call for the same name returns the first record. Resolves when on disk. */
  intend(name: string, handle: Json): StepRecord;
  /** Journals what was observed. Returns when on disk. */
  observe(name: string, observed: Json): void;
  /** Says what the command is doing just now; lossy, cheap. */
  progress(subStep: string, detail: string): void;
  /** Adds a line to the command's log; bounded, redacted by what was registered with `redact`. */
  log(stream: 'stdout' | 'stderr' | 'agent', text: string): void;
  /** Registers a value that must never appear in a log, a progress text or a failure of this command. */
  redact(value: string): void;
}

export interface CommandEnd {
  readonly outcome: Outcome;
  readonly effect: Effect;
  readonly failure?: Failure;
  readonly output?: CommandOutput;
  /** What it says of the health of its server. */
  readonly watching?: Watching;
}

/** Why a run was stopped. */
export class CommandStopped extends Error {
  override readonly name = 'CommandStopped';
  readonly why: 'cancelled' | 'timeout' | 'shutdown';
  constructor(why: 'cancelled' | 'timeout' | 'shutdown') {
    super(`the command was stopped: ${why}`);
    this.why = why;
  }
}

/** One kind of command: check -> act -> clean, named by ids, safe to run twice. */
export interface CommandHandler {
  /** Name of the payload's case, e.g. `ensureServer`; announced as a capability. */
  readonly kind: NonNullable<CommandPayload['op']['case']>;
  /** Reads and idempotent kinds need no permit. */
  readonly needsPermit: boolean;
  /** Whether it tells nothing either: then it needs nobody's signature, and is done whatever became of the policy. */
  readonly harmless?: boolean;
  /** Runs to an end. A throw of CommandStopped('shutdown') leaves the command in the journal; any other throw is a failure. */
  run(run: CommandRun): Promise<CommandEnd>;
}

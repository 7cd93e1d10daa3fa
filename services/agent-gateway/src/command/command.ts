/** What the gateway knows of one command's life. Everything here is pure: rows and frames are translated at the edges. */

/**
 * States of a command and where each may go; the database's trigger is made from this table. What needs a permit gets to RUNNING
 * and SUCCEEDED only with one (a CHECK of the table); what needs none may end before its acceptance is stored.
 */
export const transitions = {
  QUEUED: ['DISPATCHED', 'ACCEPTED', 'RUNNING', 'REJECTED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'EXPIRED'],
  DISPATCHED: ['QUEUED', 'ACCEPTED', 'RUNNING', 'REJECTED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'EXPIRED'],
  ACCEPTED: ['QUEUED', 'RUNNING', 'REJECTED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'EXPIRED'],
  /** Back to QUEUED only without a permit: such a command is idempotent. */
  RUNNING: ['QUEUED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'UNKNOWN'],
  UNKNOWN: ['RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'ABANDONED'],
  SUCCEEDED: [],
  FAILED: [],
  CANCELLED: [],
  REJECTED: [],
  EXPIRED: [],
  ABANDONED: [],
} as const satisfies Record<string, readonly string[]>;

export type CommandState = keyof typeof transitions;

/** NONE is a promise: nothing took effect. */
export type CommandEffect = 'UNSPECIFIED' | 'NONE' | 'PARTIAL' | 'FULL';

/** How a command ended, as its agent says. `failure` and `output` are messages serialized by the agent's side. */
export interface Outcome {
  readonly state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  readonly effect: CommandEffect;
  readonly failure: Uint8Array | null;
  readonly output: Uint8Array;
  /** Of all of the above, in hex: tells a repeated result from another one. */
  readonly sha256: string;
}

/** The part of a command that changes. Times are Unix milliseconds by the database's clock. */
export interface CommandLife {
  readonly state: CommandState;
  /** 0 until permitted. */
  readonly permitNo: number;
  readonly cancelRequested: boolean;
  /** The agent's incarnation that has it in its journal. */
  readonly incarnation: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** When it is UNKNOWN, should nothing be heard; set while RUNNING. */
  readonly runUntil: number | null;
  readonly effect: CommandEffect;
  readonly failure: Uint8Array | null;
  readonly output: Uint8Array | null;
  /** Of the result that ended it; null when none did. */
  readonly resultSha256: string | null;
  /** A different result that came after the end. */
  readonly lateResult: Uint8Array | null;
}

export interface Command extends CommandLife {
  readonly id: string;
  readonly agentId: string;
  readonly resourceKey: string;
  readonly needsPermit: boolean;
  /** In hex. */
  readonly payloadSha256: string;
  readonly startBy: number;
  readonly runTimeoutMs: number;
}

export const isTerminal = (state: CommandState): boolean => transitions[state].length === 0;

/** States of which one command per resource may be in. */
export const isActive = (state: CommandState): boolean => state === 'RUNNING' || state === 'UNKNOWN';

export const mayMove = (from: CommandState, to: CommandState): boolean =>
  (transitions[from] as readonly string[]).includes(to);

/** What the run's own deadline is widened by before nobody knows how it ended, in milliseconds. */
export const runGraceMs = 60_000;

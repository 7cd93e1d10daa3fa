import type { LinkRequest, LinkResponse } from '@truffle/api/agent/v1/link';

/** A stream's number: each dial has its own, so that what comes late from a former one is told apart. */
export type StreamNo = number;

/** What a dial is at: the name is resolved, the connection is opened, it is secured, the peer shows that it speaks HTTP/2. */
export type DialStep = 'dns' | 'tcp' | 'tls' | 'http2';

/** A try to come to a session. `until` is by the monotonic clock. */
export type Attempt =
  | { readonly at: 'waiting'; readonly until: number }
  | { readonly at: 'dialing'; readonly stream: StreamNo; readonly step: DialStep; readonly until: number }
  | { readonly at: 'greeting'; readonly stream: StreamNo; readonly until: number };

/** A session that work runs over. */
export interface Live {
  readonly stream: StreamNo;
  readonly epoch: bigint;
  readonly heartbeatMs: number;
  /** Heartbeats sent. */
  readonly beats: bigint;
  readonly nextBeat: number;
  /** Without a frame until then the session is dead. */
  readonly deadAt: number;
  /** From then on its end counts as the first failure. */
  readonly healthyAt: number;
  /** From then on a newer session is sought. */
  readonly retireAt: number;
}

/** Where the link stands. */
export type Phase =
  | { readonly at: 'connecting'; readonly attempt: Attempt }
  | { readonly at: 'ready'; readonly live: Live }
  /** The gateway drains: the old session works until the new one is ready. */
  | { readonly at: 'moving'; readonly live: Live; readonly attempt: Attempt }
  | { readonly at: 'stopped' };

export interface Session {
  readonly phase: Phase;
  /** Where to dial, first to last; never empty. */
  readonly endpoints: readonly string[];
  /** Index of the endpoint to dial next. */
  readonly endpoint: number;
  /** Attempts in a row that failed. */
  readonly failures: number;
  /** Number of the newest stream. */
  readonly lastStream: StreamNo;
  /** Since when there was neither a session nor a gateway that refused one. */
  readonly quietSince: number;
}

/** What happens to the link. */
export type Input =
  /** A dial has come to its next step, which has a deadline of its own. */
  | { readonly on: 'reached'; readonly stream: StreamNo; readonly step: DialStep }
  | { readonly on: 'connected'; readonly stream: StreamNo }
  | { readonly on: 'frame'; readonly stream: StreamNo; readonly frame: LinkResponse['frame'] }
  /** A stream ended or never came to be; `refused` when the gateway did not want this agent. */
  | { readonly on: 'lost'; readonly stream: StreamNo; readonly refused: boolean }
  /** The time that `wakeAt` named has come. */
  | { readonly on: 'tick' }
  /** There is something new to show the gateway; no endpoints leave the known ones as they are. */
  | { readonly on: 'move'; readonly endpoints: readonly string[] }
  | { readonly on: 'stop' };

/** What is to be done, in this order. */
export type Action =
  | { readonly do: 'dial'; readonly stream: StreamNo; readonly endpoint: string }
  /** Send Hello. */
  | { readonly do: 'greet'; readonly stream: StreamNo }
  /** Journal the session; if that fails, nothing after it may be done. */
  | {
      readonly do: 'store';
      readonly epoch: bigint;
      readonly continuity: Uint8Array;
      readonly endpoints: readonly string[];
    }
  | { readonly do: 'send'; readonly stream: StreamNo; readonly frame: LinkRequest }
  /** From now on work runs over this stream. */
  | { readonly do: 'use'; readonly stream: StreamNo; readonly epoch: bigint }
  /** There is no session. */
  | { readonly do: 'pause' }
  | { readonly do: 'deliver'; readonly frame: WorkFrame }
  /** Nothing was heard for so long that the process itself may be at fault; said again every minute. */
  | { readonly do: 'despair' }
  | { readonly do: 'close'; readonly stream: StreamNo; readonly why: string };

/** Frames that are about commands. */
export type WorkFrame = Extract<
  LinkResponse['frame'],
  { case: 'command' | 'permit' | 'resultAck' | 'cancel' | 'keptAck' }
>;

/** Time and chance as of this step. */
export interface Moment {
  /** Milliseconds of the monotonic clock. */
  readonly now: number;
  /** From 0 up to 1, anew at each call. */
  readonly random: () => number;
}

export type Advance = readonly [Session, readonly Action[]];

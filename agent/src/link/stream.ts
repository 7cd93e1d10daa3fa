import type { LinkRequest, LinkResponse } from '@truffle/api/agent/v1/link';
import type { DialStep } from './phase.ts';

/** What a stream tells its owner. */
export interface StreamEvents {
  /** The dial has come to this step; with several addresses perhaps more than once. */
  reached(step: DialStep): void;
  /** The connection stands; frames may go. */
  connected(): void;
  received(frame: LinkResponse): void;
  /** There is room again after a `send` that answered false. */
  drained(): void;
  /** The stream is over, for whatever reason; told once. `refused` when the gateway did not want this agent. */
  lost(why: { readonly refused: boolean; readonly detail: string }): void;
}

/** One stream to a gateway. */
export interface Stream {
  /** Sends a frame; false when the next one has to wait for `drained`. */
  send(frame: LinkRequest): boolean;
  /** Stops reading until `resume`. */
  pause(): void;
  resume(): void;
  /** Says that nothing more will come, lets what was sent go out, and drops the connection within a second. */
  close(): void;
}

/** Opens streams; the seam to the network. */
export interface Dialer {
  dial(endpoint: string, events: StreamEvents): Stream;
}

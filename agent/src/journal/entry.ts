import type { SQLOutputValue } from 'node:sqlite';

/** A command as it is taken into the journal. */
export interface NewEntry {
  readonly id: string;
  readonly resourceKey: string;
  readonly fence: number;
  /** `CommandPayload` as it was received: hashes cover these bytes. */
  readonly payload: Uint8Array;
  readonly payloadSha256: Uint8Array;
  /** By the monotonic clock, from the start of each run; 0 for none. */
  readonly runTimeoutMs: number;
  readonly needsPermit: boolean;
  /** W3C trace context; empty for none. */
  readonly traceparent: string;
}

/** accepted: may not take effect yet. running: may have taken effect. ended: the result waits for its acknowledgement. */
export type EntryState = 'accepted' | 'running' | 'ended';

/** A command in the journal. */
export interface Entry extends NewEntry {
  readonly state: EntryState;
  /** 0 for none. */
  readonly permitNo: number;
  /** `CommandResult` as it was written; undefined until it ended. */
  readonly result: Uint8Array | undefined;
}

type Row = Record<string, SQLOutputValue>;

/** The entry in a row of `inbox`. */
export function entryOf(row: Row): Entry {
  return {
    id: String(row['id']),
    resourceKey: String(row['resource_key']),
    fence: Number(row['fence']),
    payload: row['payload'] as Uint8Array,
    payloadSha256: row['payload_sha256'] as Uint8Array,
    runTimeoutMs: Number(row['run_timeout_ms']),
    needsPermit: row['needs_permit'] === 1,
    traceparent: String(row['traceparent']),
    state: String(row['state']) as EntryState,
    permitNo: Number(row['permit_no']),
    result: (row['result'] as Uint8Array | null) ?? undefined,
  };
}

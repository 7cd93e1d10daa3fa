/** The parts of a task's name. */
export interface Upid {
  readonly node: string;
  /** Seconds since the epoch. */
  readonly startTime: number;
  readonly type: string;
  /** VMID or another name; empty for some kinds. */
  readonly id: string;
  /** `user@realm` or `user@realm!token`. */
  readonly user: string;
}

// `pstart` has 9 digits once the node has been up for 497 days; the user part may hold a token's name.
const shape =
  /^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:([0-9A-Fa-f]{8}):([^:\s]+):([^:\s]*):([^:\s]+):$/;

/** Reads a task's name; undefined when it is none. */
export function parseUpid(text: unknown): Upid | undefined {
  const found = typeof text === 'string' ? shape.exec(text) : null;
  if (found === null) return undefined;
  const [, node = '', start = '', type = '', id = '', user = ''] = found;
  return { node, startTime: Number.parseInt(start, 16), type, id, user };
}

/** The parts of a task's name. */
export interface Upid {
  node: string;
  pid: number;
  /** Ticks of 10 ms since the node booted; 9 hex digits after 497 days up. */
  pstart: number;
  /** Seconds since the epoch. */
  starttime: number;
  type: string;
  /** A VMID or name; may be empty. */
  id: string;
  /** `user@realm`, or `user@realm!token`. */
  user: string;
}

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');

/** `UPID:node:pid:pstart:starttime:type:id:user:` */
export function formatUpid(upid: Upid): string {
  return `UPID:${upid.node}:${hex(upid.pid)}:${hex(upid.pstart)}:${hex(upid.starttime)}:${upid.type}:${upid.id}:${upid.user}:`;
}

/** Reads a task's name; nothing when it is not one. */
export function parseUpid(text: string): Upid | undefined {
  const match =
    /^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s]+):([^:\s]*):([^:\s]+):$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [, node = '', pid = '', pstart = '', start = '', type = '', id = '', user = ''] = match;
  return {
    node,
    pid: Number.parseInt(pid, 16),
    pstart: Number.parseInt(pstart, 16),
    starttime: Number.parseInt(start, 16),
    type,
    id,
    user,
  };
}

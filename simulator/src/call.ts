import type { Cluster } from './cluster/cluster.ts';
import type { Params } from './schema/verify.ts';

/** A file that came with a multipart request. */
export interface UploadedFile {
  filename: string;
  size: number;
  /** Hex, by algorithm. */
  digest(algorithm: string): string;
  /** The file itself. */
  bytes: Buffer;
}

/** One checked request on its way to a handler. */
export interface Call {
  readonly cluster: Cluster;
  /** `user@realm` or `user@realm!token`; empty when the method is open to everybody. */
  readonly user: string;
  readonly params: Params;
  /** The node in the path. */
  readonly node: string;
  readonly upload?: UploadedFile;
  /** Set by lists that page: how many there are in all. */
  total?: number;
}

export type Handler = (call: Call) => unknown;

/** Handlers by "VERB /path". */
export type Routes = Readonly<Record<string, Handler>>;

/** A text parameter. */
export function text(call: Call, name: string): string | undefined {
  const value = call.params[name];
  return value === undefined || Array.isArray(value) ? undefined : String(value);
}

/** A text parameter that the schema makes mandatory. */
export function need(call: Call, name: string): string {
  return text(call, name) ?? '';
}

export function number(call: Call, name: string): number | undefined {
  const value = call.params[name];
  return typeof value === 'number' ? value : undefined;
}

export function flag(call: Call, name: string): boolean {
  return call.params[name] === 1;
}

export function vmid(call: Call): number {
  return number(call, 'vmid') ?? 0;
}

/** The account behind a token. */
export function owner(user: string): string {
  return user.split('!')[0] ?? user;
}

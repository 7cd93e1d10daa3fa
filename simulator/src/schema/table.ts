import { readFileSync } from 'node:fs';

/** What one parameter may be: facts of the PVE 9.2 API, as `api.json` lists them. */
export interface Property {
  type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  optional?: 1;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  icase?: 1;
  requires?: string;
  /** A named format, or `#name` for a property string listed under `formats`. */
  format?: string;
  default_key?: 1;
  alias?: string;
  keyAlias?: string;
  items?: Property;
}

/** A permission check as the API lists it: `["perm", path, privileges, …]`, `["and", …]`, `["or", …]`, `["userid-param", …]`. */
export type Check = readonly (string | number | readonly string[] | Check)[];

export interface Method {
  name: string;
  verb: string;
  path: string;
  segments: readonly string[];
  params: Readonly<Record<string, Property>>;
  /** Parameters with a number in their name (`net[n]`), by prefix. */
  indexed: ReadonlyMap<string, Property>;
  user?: string;
  check?: Check;
  noToken?: 1;
}

interface RawMethod {
  params: Record<string, Property>;
  use?: string;
  user?: string;
  check?: Check;
  noToken?: 1;
}

interface RawTable {
  formats: Record<string, Record<string, Property>>;
  sets: Record<string, Record<string, Property>>;
  methods: Record<string, RawMethod>;
}

const raw: RawTable = JSON.parse(readFileSync(new URL('api.json', import.meta.url), 'utf8'));

/** Highest index of each numbered parameter, exclusive. */
const INDEX_LIMIT: Readonly<Record<string, number>> = {
  net: 32,
  ide: 4,
  sata: 6,
  scsi: 31,
  virtio: 16,
  ipconfig: 32,
  serial: 4,
  usb: 14,
  hostpci: 16,
  parallel: 3,
  numa: 8,
  unused: 256,
  virtiofs: 10,
  mp: 256,
  dev: 256,
  link: 8,
};

/** Property strings by name (without the `#`). */
export const PROPERTY_STRINGS: Readonly<Record<string, Record<string, Property>>> = raw.formats;

function method(name: string, entry: RawMethod): Method {
  const [verb = '', path = ''] = name.split(' ');
  const params: Record<string, Property> = {};
  const indexed = new Map<string, Property>();
  for (const [key, property] of Object.entries({ ...(entry.use ? raw.sets[entry.use] : {}), ...entry.params })) {
    if (key.endsWith('[n]')) indexed.set(key.slice(0, -3), property);
    else params[key] = property;
  }
  const { user, check, noToken } = entry;
  return {
    name,
    verb,
    path,
    segments: path.split('/').slice(1),
    params,
    indexed,
    ...(user === undefined ? {} : { user }),
    ...(check === undefined ? {} : { check }),
    ...(noToken === undefined ? {} : { noToken }),
  };
}

/** Every method the simulator knows, by "VERB /path". */
export const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries(raw.methods).map(([name, entry]) => [name, method(name, entry)]),
);

/** The schema of parameter `key` of a method, numbered ones included. */
export function property(of: Method, key: string): Property | undefined {
  const plain = Object.hasOwn(of.params, key) ? of.params[key] : undefined;
  if (plain !== undefined) return plain;
  const match = /^([a-z]+)(0|[1-9]\d*)$/.exec(key);
  if (match === null) return undefined;
  const [, prefix = '', index = ''] = match;
  return Number(index) < (INDEX_LIMIT[prefix] ?? 0) ? of.indexed.get(prefix) : undefined;
}

/** Finds the method for a verb and path segments (already percent-decoded); literal segments win over placeholders. */
export function findMethod(
  verb: string,
  segments: readonly string[],
): { method: Method; uri: Record<string, string> } | undefined {
  let best: { method: Method; uri: Record<string, string>; literal: number } | undefined;
  for (const one of METHODS.values()) {
    if (one.verb !== verb) continue;
    const uri = matchPath(one.segments, segments);
    if (uri === undefined) continue;
    const literal = one.segments.length - Object.keys(uri).length;
    if (best === undefined || literal > best.literal) best = { method: one, uri, literal };
  }
  return best;
}

function matchPath(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const last = pattern.at(-1);
  const greedy = last === '{volume}';
  if (greedy ? segments.length < pattern.length : segments.length !== pattern.length) return undefined;
  const uri: Record<string, string> = {};
  for (const [at, part] of pattern.entries()) {
    const segment = segments[at];
    if (segment === undefined) return undefined;
    if (part.startsWith('{')) uri[part.slice(1, -1)] = greedy && part === last ? segments.slice(at).join('/') : segment;
    else if (part !== segment) return undefined;
  }
  return uri;
}

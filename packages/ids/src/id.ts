import { createHash, randomFillSync } from 'node:crypto';

/** What each prefix names. The id in a log line says what it is. */
export const idKinds = {
  org: 'organization',
  wks: 'workspace',
  prj: 'project',
  usr: 'user',
  ses: 'session',
  fac: 'second factor',
  inv: 'invitation',
  mai: 'mail',
  con: 'connection',
  idn: 'linked identity',
  dev: 'device sign-in',
  tru: 'trust',
  wkt: 'workload token',
  bnd: 'role binding',
  rol: 'role',
  grp: 'group',
  sva: 'service account',
  key: 'API key',
  tpl: 'template',
  tpv: 'template version',
  clu: 'cluster',
  srv: 'server',
  dep: 'deployment',
  op: 'operation',
  agt: 'agent',
  jtk: 'join token',
  cmd: 'command',
  evt: 'event',
  usg: 'usage fact',
  gwy: 'gateway',
  req: 'request',
  ast: 'audit stream',
} as const;

export type IdKind = keyof typeof idKinds;
/** `<kind>_` and a UUID in 26 characters of lower-case Crockford base32; v7 ids sort by the time of their making. */
export type Id<K extends IdKind = IdKind> = `${K}_${string}`;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const shape = /^([a-z]{2,3})_([0-7][0-9a-hjkmnp-tv-z]{25})$/;
/** Namespace of derived ids (a random UUID, fixed for ever). */
const namespace = Buffer.from('6f0f6c1e6d2b4c0f9b6f0d3a8a5f1c77', 'hex');

/** A new id: UUIDv7 (RFC 9562), so that ids sort by the millisecond `now` of their making. */
export function newId<K extends IdKind>(kind: K, now: number = Date.now()): Id<K> {
  const bytes = Buffer.alloc(16);
  randomFillSync(bytes, 6);
  bytes.writeUIntBE(now, 0, 6);
  return format(kind, stamp(bytes, 7));
}

/** The same id for the same parts, always: UUIDv5 over the parts, each with its length so that none runs into the next. */
export function deriveId<K extends IdKind>(kind: K, ...parts: readonly (string | number)[]): Id<K> {
  const hash = createHash('sha1').update(namespace).update(kind);
  for (const part of parts) {
    const text = String(part);
    hash.update(`\0${text.length}:${text}`);
  }
  return format(kind, stamp(hash.digest().subarray(0, 16), 5));
}

/** Whether `text` is an id (of `kind`, when given). */
export function isId<K extends IdKind>(text: string, kind?: K): text is Id<K> {
  const found = idKind(text);
  return found !== undefined && (kind === undefined || found === kind);
}

/** The kind that an id's prefix names; undefined when `text` is no id. */
export function idKind(text: string): IdKind | undefined {
  const prefix = shape.exec(text)?.[1];
  return prefix !== undefined && prefix in idKinds ? (prefix as IdKind) : undefined;
}

/** The UUID inside an id, in its usual form. */
export function uuidOf(id: Id): string {
  const digits = shape.exec(id)?.[2];
  if (digits === undefined) throw new RangeError(`not an id: ${JSON.stringify(id)}`);
  let value = 0n;
  for (const digit of digits) value = (value << 5n) | BigInt(alphabet.indexOf(digit));
  const hex = value.toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The SMBIOS UUID of a server's VM: the UUID of the server's id. */
export const smbiosUuidOf = (serverId: Id<'srv'>): string => uuidOf(serverId);

function stamp(bytes: Buffer, version: number): Buffer {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

function format<K extends IdKind>(kind: K, bytes: Buffer): Id<K> {
  let value = BigInt(`0x${bytes.toString('hex')}`);
  let digits = '';
  for (let i = 0; i < 26; i++) {
    digits = (alphabet[Number(value & 31n)] ?? '') + digits;
    value >>= 5n;
  }
  return `${kind}_${digits}`;
}

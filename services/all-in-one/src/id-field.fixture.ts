import {
  ScalarType,
  create,
  toBinary,
  type DescField,
  type DescMessage,
  type DescMethod,
  type Message,
} from '@bufbuild/protobuf';
import { FieldOptionsSchema } from '@bufbuild/protobuf/wkt';
import { Role } from '@truffle/api/tenant/v1/account';
import { newId, type IdKind } from '@truffle/ids';

/** Where a request names something: fields from the request down, through nested and repeated messages. */
export type IdPath = readonly DescField[];

/** Names of fields that hold an id of somebody else's: our client at a provider. */
const notOurs = new Set(['client_id']);
/** Names of fields that hold an id in a longer text, or beside other things. */
const alsoIds = new Set(['subject', 'actor']);
/** Fields whose values no organization has: a code of a person's own browser or device. */
const shapedAlike = new Set(['user_code', 'device_code']);

/** Whether a field names something of ours: by its own name, or as its bounds want an id. */
function isIdField(field: DescField): boolean {
  const isText =
    (field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar')) &&
    field.scalar === ScalarType.STRING;
  if (!isText || notOurs.has(field.name) || shapedAlike.has(field.name)) return false;
  const { options } = field.proto;
  const bounds = options === undefined ? '' : Buffer.from(toBinary(FieldOptionsSchema, options)).toString('latin1');
  return /_ids?$/.test(field.name) || alsoIds.has(field.name) || bounds.includes('hjkmnp-tv-z]{26}');
}

/** Every id-bearing field of a method's request: nested, repeated, in filters. */
export const idPathsOf = (method: DescMethod): readonly IdPath[] => pathsIn(method.input, []);

function pathsIn(message: DescMessage, above: IdPath): IdPath[] {
  return message.fields.flatMap((field) => {
    const path = [...above, field];
    if (isIdField(field)) return [path];
    const inner = field.message;
    const isLoop = inner === undefined || above.some((f) => f.parent === inner);
    return isLoop || inner.typeName.startsWith('google.') ? [] : pathsIn(inner, path);
  });
}

export const nameOf = (path: IdPath): string => path.map((f) => f.name).join('.');

/** The name under which a fixture keeps the id for a field. */
export const keyOf = (field: DescField): string => field.name.replace(/_ids$/, '_id');

/** What a message inside a request needs beside its ids. */
const insides: Readonly<Record<string, Record<string, unknown>>> = {
  ClusterSpec: { name: 'fresh' },
  SealedSecret: { name: 'password', sealed: new Uint8Array(64), version: 1 },
  ClaimMapping: { claim: 'groups', value: 'staff', role: Role.VIEWER },
};

/** Puts `id` at `path` into a request; what is missing on the way is made. */
export function putId(request: Message, path: IdPath, id: string): void {
  const [field, ...rest] = path;
  if (field === undefined) return;
  const holder: Record<string, unknown> = request;
  if (rest.length === 0) {
    holder[field.localName] = field.fieldKind === 'list' ? [id] : id;
    return;
  }
  const inner = field.message;
  if (inner === undefined) throw new TypeError(`${nameOf(path)} is no path`);
  const isList = field.fieldKind === 'list';
  const found = isList ? (holder[field.localName] as Message[])[0] : (holder[field.localName] as Message | undefined);
  const next = found ?? create(inner, insides[inner.name] ?? {});
  holder[field.localName] = isList ? [next] : next;
  putId(next, rest, id);
}

/** An id of the same kind that names nothing. */
export const absentLike = (id: string): string =>
  id.replace(/([a-z]{2,3})_[0-9a-z]{26}$/, (_, kind: IdKind) => newId(kind)).replace(/^[^_]+$/, 'absent');

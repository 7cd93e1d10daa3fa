/** The types that expressions are checked with; `dyn` fits everything. */
export type Type =
  | { readonly kind: 'dyn' | 'bool' | 'int' | 'double' | 'string' | 'null' }
  | { readonly kind: 'list'; readonly item: Type }
  | { readonly kind: 'map'; readonly value: Type }
  | RecordType;

/** A map whose keys are known. */
export interface RecordType {
  readonly kind: 'record';
  /** What it is called in messages. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Type>;
  /** Fields that exist but must not be read here, as they are secret. */
  readonly secret?: ReadonlySet<string>;
}

export const dyn: Type = { kind: 'dyn' };
export const bool: Type = { kind: 'bool' };
export const int: Type = { kind: 'int' };
export const double: Type = { kind: 'double' };
export const string: Type = { kind: 'string' };
export const list = (item: Type): Type => ({ kind: 'list', item });

/** How a type is named in messages. */
export function nameOf(type: Type): string {
  if (type.kind === 'list') return `list of ${nameOf(type.item)}`;
  if (type.kind === 'record') return type.name;
  return type.kind;
}

/** Whether a value of one type may stand where the other is wanted. */
export function fits(type: Type, wanted: Type): boolean {
  if (type.kind === 'dyn' || wanted.kind === 'dyn') return true;
  if (type.kind === 'list' && wanted.kind === 'list') return fits(type.item, wanted.item);
  if (type.kind === 'record' || type.kind === 'map') return wanted.kind === 'record' || wanted.kind === 'map';
  return type.kind === wanted.kind;
}

/** The type of something that is one or the other. */
export function either(a: Type, b: Type): Type {
  if (a.kind === 'list' && b.kind === 'list') return list(either(a.item, b.item));
  return a.kind === b.kind ? a : dyn;
}

/** A JSON Schema, as far as suggesting needs it. */
export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly required?: readonly string[];
}

/** Something that may stand where the cursor is. */
export interface Suggestion {
  readonly label: string;
  readonly about: string;
  readonly kind: 'property' | 'value';
  readonly required: boolean;
}

/** Where the cursor is in a document. */
export interface Spot {
  /** Keys from the root to the mapping (or value) that the cursor is in; `-` for an item of a list. */
  readonly path: readonly string[];
  readonly kind: 'key' | 'value';
  /** Keys that the mapping has already. */
  readonly siblings: readonly string[];
}

interface Line {
  readonly indent: number;
  readonly dash: boolean;
  readonly key: string | undefined;
}

const keyLine = /^(\s*)(-\s+)?(?:("[^"]*"|'[^']*'|[A-Za-z_][\w.-]*)\s*:(?:\s|$))?/;

function readLine(text: string): Line {
  const [, spaces = '', dash = '', key] = keyLine.exec(text) ?? [];
  return { indent: spaces.length + dash.length, dash: dash !== '', key: key?.replaceAll(/["']/g, '') };
}

const isBlank = (text: string): boolean => /^\s*(?:#.*)?$/.test(text);

/** Reads by indentation where the cursor is: the document need not be whole, as it is while one types. */
export function spotAt(lines: readonly string[], line: number, column: number): Spot {
  const before = (lines[line] ?? '').slice(0, column);
  const own = readLine(before);
  const onValue = own.key !== undefined;
  const indent = onValue || own.dash || before.trim() !== '' ? own.indent : column;
  const { path, top } = ancestors(lines, line, own.dash ? indent - 2 : indent, own.dash);
  return {
    path: onValue ? [...path, own.key ?? ''] : path,
    kind: onValue ? 'value' : 'key',
    // A dash begins an item anew: what is above is in another one.
    siblings: siblingsOf(lines, line, indent, own.dash ? line : top),
  };
}

/** The keys above a line that it is in, and the line of the nearest. */
function ancestors(lines: readonly string[], line: number, from: number, dash: boolean) {
  const path = dash ? ['-'] : [];
  let limit = from;
  let top = -1;
  for (let i = line - 1; i >= 0 && limit >= 0; i--) {
    const text = lines[i] ?? '';
    if (isBlank(text)) continue;
    const above = readLine(text);
    const itemAt = above.dash ? above.indent - 2 : above.indent;
    // An item's first key stands behind its dash: what is below at the same indent is in the same item.
    if (above.dash && above.indent === limit && path[0] !== '-') {
      path.unshift('-');
      if (top === -1) top = i - 1;
      limit = itemAt;
      continue;
    }
    const isAbove = path[0] === '-' ? itemAt <= limit && !above.dash : itemAt < limit;
    if (!isAbove || above.key === undefined) continue;
    path.unshift(...(above.dash ? ['-', above.key] : [above.key]));
    if (top === -1) top = i;
    limit = itemAt;
  }
  return { path, top };
}

function siblingsOf(lines: readonly string[], line: number, indent: number, top: number): string[] {
  const found: string[] = [];
  for (let i = top + 1; i < lines.length; i++) {
    const text = lines[i] ?? '';
    if (isBlank(text)) continue;
    const { indent: at, key, dash } = readLine(text);
    if (i > line && (at < indent || (dash && at === indent))) break;
    if (i < line && dash && at === indent) found.length = 0;
    if (i !== line && at === indent && key !== undefined) found.push(key);
  }
  return found;
}

/** Every schema that may hold at a path: alternatives side by side. */
export function schemasAt(root: Schema, path: readonly string[]): readonly Schema[] {
  return path.reduce<readonly Schema[]>(
    (schemas, step) => schemas.flatMap((schema) => stepInto(root, schema, step)),
    expand(root, root),
  );
}

function stepInto(root: Schema, schema: Schema, step: string): readonly Schema[] {
  if (step === '-') return schema.items === undefined ? [] : expand(root, schema.items);
  const named = schema.properties?.[step];
  if (named !== undefined) return expand(root, named);
  return typeof schema.additionalProperties === 'object' ? expand(root, schema.additionalProperties) : [];
}

function expand(root: Schema, schema: Schema): readonly Schema[] {
  const name = schema.$ref?.replace('#/$defs/', '');
  if (name !== undefined) {
    const target = root.$defs?.[name];
    return target === undefined ? [] : expand(root, target);
  }
  const alternatives = schema.anyOf ?? schema.oneOf;
  return alternatives === undefined ? [schema] : alternatives.flatMap((each) => expand(root, each));
}

/** What may stand at a place of a document, by its schema. */
export function suggest(root: Schema, lines: readonly string[], line: number, column: number): readonly Suggestion[] {
  const { path, kind, siblings } = spotAt(lines, line, column);
  const schemas = schemasAt(root, path);
  if (kind === 'value') return schemas.flatMap((schema) => valuesOf(schema));
  return schemas.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties)
      .filter(([name]) => !siblings.includes(name))
      .map(([label, schema]) => ({
        label,
        about: schema.description ?? expand(root, schema)[0]?.description ?? '',
        kind: 'property' as const,
        required: required.includes(label),
      })),
  );
}

function valuesOf({ const: only, enum: some, type, description = '' }: Schema): readonly Suggestion[] {
  const values = only !== undefined ? [only] : (some ?? (type === 'boolean' ? [true, false] : []));
  return values.map((value) => ({ label: String(value), about: description, kind: 'value', required: false }));
}

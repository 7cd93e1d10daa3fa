/** One field that an event changed. */
export interface Change {
  readonly path: string;
  /** As JSON; empty where it was not, or is no longer, there. */
  readonly before: string;
  readonly after: string;
}

const mostChanges = 200;

/** The difference between `before` and `after` of an event's data, field by field; lists are compared whole. */
export function changesOf(data: Readonly<Record<string, unknown>>): Change[] {
  const changes: Change[] = [];
  compare('', data['before'], data['after'], changes);
  return changes;
}

function compare(path: string, before: unknown, after: unknown, into: Change[]): void {
  const [left, right] = [fieldsOf(before), fieldsOf(after)];
  const isTop = path === '';
  if ((left === undefined && right === undefined) || (!isTop && (left === undefined || right === undefined))) {
    if (textOf(before) !== textOf(after) && into.length < mostChanges)
      into.push({ path, before: textOf(before), after: textOf(after) });
    return;
  }
  for (const key of new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})]))
    compare(isTop ? key : `${path}.${key}`, left?.[key], right?.[key], into);
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

const textOf = (value: unknown): string => (value === undefined ? '' : JSON.stringify(value));

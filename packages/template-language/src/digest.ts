import { createHash } from 'node:crypto';

/** JSON with sorted keys and no white space, so that equal data gives equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${sorted.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(',')}}`;
}

/** The identity of a template's content: `sha256:` and 64 hexadecimal digits over its canonical JSON; layout and comments do not count. */
export function digestOf(template: object): string {
  return `sha256:${createHash('sha256').update(canonicalJson(template)).digest('hex')}`;
}

import type { Property } from './table.ts';

/** Checks one value against its schema; answers what is wrong. */
export type CheckValue = (schema: Property, value: string, key: string) => string | undefined;

type Keys = Readonly<Record<string, Property>>;

const YES = /^(1|on|yes|true)$/i;
const NO = /^(0|off|no|false)$/i;

/** Checks `a,b=c` text against the keys it may hold; answers the problem, each line ended as the real one does. */
export function checkPropertyString(
  keys: Keys,
  text: string,
  name: string,
  checkValue: CheckValue,
): string | undefined {
  const parsed = split(keys, text);
  if (typeof parsed === 'string') return parsed;
  const problems: string[] = [];
  for (const [key, value] of parsed) {
    const schema = keys[key];
    const boolean =
      schema?.type === 'boolean' && (YES.test(value) || NO.test(value)) ? (YES.test(value) ? '1' : '0') : value;
    const problem = schema === undefined ? undefined : checkValue(schema, boolean, key);
    if (problem !== undefined) problems.push(`${name}.${key}: ${problem}\n`);
  }
  for (const [key, schema] of Object.entries(keys)) {
    if (schema.alias === undefined && schema.optional !== 1 && !parsed.has(key)) {
      problems.push(`${name}.${key}: property is missing and it is not optional\n`);
    }
  }
  return problems.length === 0 ? undefined : `format error\n${problems.join('')}`;
}

function split(keys: Keys, text: string): Map<string, string> | string {
  const found = new Map<string, string>();
  const defaultKey = Object.keys(keys).find((key) => keys[key]?.default_key === 1);
  const duplicate = (key: string): string => `duplicate key in comma-separated list property: ${key}\n`;
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const match = /^([^=]+)=(.+)$/s.exec(part);
    if (match === null && part.includes('=')) return `missing key in comma-separated list property\n`;
    if (match === null) {
      if (defaultKey === undefined) return 'value without key, but schema does not define a default key\n';
      if (found.has(defaultKey)) return duplicate(defaultKey);
      found.set(defaultKey, part.trim());
      continue;
    }
    const [, given = '', value = ''] = match;
    const schema = Object.hasOwn(keys, given) ? keys[given] : undefined;
    if (schema === undefined) return `invalid key in comma-separated list property: ${given}\n`;
    if (schema.keyAlias !== undefined) found.set(schema.keyAlias, given);
    const key = schema.alias ?? given;
    if (found.has(key)) return duplicate(given);
    found.set(key, value);
  }
  return found;
}

/** Reads `a,b=c` text without judging it; text without a key lands under `bare`. */
export function readPropertyString(text: string, bare: string): Record<string, string> {
  const read: Record<string, string> = {};
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (part === '') continue;
    if (at < 0) read[bare] = part;
    else read[part.slice(0, at)] = part.slice(at + 1);
  }
  return read;
}

/** Writes keys back as `bare,key=value`. */
export function writePropertyString(read: Readonly<Record<string, string>>, bare: string): string {
  const rest = Object.entries(read)
    .filter(([key]) => key !== bare)
    .map(([key, value]) => `${key}=${value}`);
  return [...(read[bare] === undefined ? [] : [read[bare]]), ...rest].join(',');
}

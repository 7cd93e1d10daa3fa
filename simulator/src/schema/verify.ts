import { ParameterError } from '../errors.ts';
import { checkFormat } from './format.ts';
import { type Method, type Property, PROPERTY_STRINGS, property } from './table.ts';
import { checkPropertyString } from './property-string.ts';

/** A parameter as it arrives: text from forms and queries, anything from JSON. */
export type Incoming = string | number | boolean | null | Incoming[] | { [key: string]: Incoming };

/** Checked parameters: integers, numbers and booleans (as 1 or 0) are numbers, the rest is text or a list of text. */
export type Params = Record<string, string | number | string[]>;

/**
 * Checks parameters against a method's schema.
 * @throws {ParameterError} with one text per parameter that does not fit
 */
export function verify(method: Method, incoming: Readonly<Record<string, Incoming>>): Params {
  const errors: Record<string, string> = {};
  const params: Params = {};
  for (const [key, value] of Object.entries(incoming)) {
    const schema = property(method, key);
    if (schema === undefined) {
      errors[key] = 'property is not defined in schema and the schema does not allow additional properties';
      continue;
    }
    if (value === null) continue;
    const problem = checkValue(schema, value, key);
    if (problem !== undefined) errors[key] = problem;
    else params[key] = coerce(schema, value);
    if (schema.requires !== undefined && !Object.hasOwn(incoming, schema.requires)) {
      errors[schema.requires] = `missing property - '${key}' requires this property`;
    }
  }
  for (const [key, schema] of Object.entries(method.params)) {
    if (schema.optional !== 1 && !Object.hasOwn(params, key) && !Object.hasOwn(errors, key)) {
      errors[key] = 'property is missing and it is not optional';
    }
  }
  if (Object.keys(errors).length > 0) throw new ParameterError(errors);
  return params;
}

/** Checks one value; answers what is wrong with it in the words of the real one. */
export function checkValue(schema: Property, value: Incoming, key: string): string | undefined {
  const type = schema.type ?? 'string';
  if (type === 'array') {
    const list = Array.isArray(value) ? value : [value];
    for (const [at, item] of list.entries()) {
      const problem = schema.items === undefined ? undefined : checkValue(schema.items, item, `${key}[${at}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  const text = plainText(type, value);
  if (text === undefined) return `type check ('${type}') failed - got '${shown(value)}'`;
  const problem = schema.format === undefined ? undefined : checkNamed(schema.format, text, key);
  if (problem !== undefined) return `invalid format - ${problem}`;
  return checkBounds(schema, text);
}

function plainText(type: string, value: Incoming): string | undefined {
  if (typeof value === 'object') return undefined;
  if (type === 'boolean') {
    if (value === true || value === 1 || value === '1') return '1';
    if (value === false || value === 0 || value === '0') return '0';
    return undefined;
  }
  const text = value === true ? '1' : value === false ? '0' : String(value);
  if (type === 'integer') return /^[+-]?\d+$/.test(text) ? text : undefined;
  if (type === 'number') return /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text) ? text : undefined;
  return text;
}

function shown(value: Incoming): string {
  if (Array.isArray(value)) return 'ARRAY(0x55d0c8a1e2f8)';
  if (typeof value === 'object') return 'HASH(0x55d0c8a1e2f8)';
  return String(value);
}

function checkNamed(format: string, text: string, key: string): string | undefined {
  if (!format.startsWith('#')) return checkFormat(format, text, key, checkValue);
  const keys = PROPERTY_STRINGS[format.slice(1)];
  return keys === undefined ? undefined : checkPropertyString(keys, text, key, checkValue);
}

function checkBounds(schema: Property, text: string): string | undefined {
  if (schema.pattern !== undefined && !perl(schema.pattern, schema.icase === 1).test(text))
    return 'value does not match the regex pattern';
  if (schema.maxLength !== undefined && text.length > schema.maxLength)
    return `value may only be ${schema.maxLength} characters long`;
  if (schema.minLength !== undefined && text.length < schema.minLength)
    return `value must be at least ${schema.minLength} characters long`;
  if (schema.type === 'integer' || schema.type === 'number') {
    if (schema.maximum !== undefined && Number(text) > schema.maximum)
      return `value must have a maximum value of ${schema.maximum}`;
    if (schema.minimum !== undefined && Number(text) < schema.minimum)
      return `value must have a minimum value of ${schema.minimum}`;
  }
  if (schema.enum !== undefined && !schema.enum.includes(text)) {
    return `value '${text}' does not have a value in the enumeration '${schema.enum.join(', ')}'`;
  }
  return undefined;
}

const compiled = new Map<string, RegExp>();

/** Perl's pattern as an anchored expression of this language. */
function perl(pattern: string, ignoreCase: boolean): RegExp {
  const cached = compiled.get(pattern);
  if (cached !== undefined) return cached;
  const source = pattern
    .replaceAll('(?^:', '(?:')
    .replaceAll('(?^i:', '(?:')
    .replaceAll('{,', '{0,')
    .replaceAll('\\@', '@')
    .replaceAll('\\0', '\\x00');
  const expression = new RegExp(`^(?:${source})$`, ignoreCase ? 'i' : '');
  compiled.set(pattern, expression);
  return expression;
}

function coerce(schema: Property, value: Incoming): string | number | string[] {
  if (schema.type === 'array') return (Array.isArray(value) ? value : [value]).map(String);
  const text = plainText(schema.type ?? 'string', value) ?? '';
  return schema.type === 'integer' || schema.type === 'number' || schema.type === 'boolean' ? Number(text) : text;
}

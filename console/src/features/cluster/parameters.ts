import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { isObject } from '../../ui/json.ts';

/** One parameter of a template, as the template's JSON Schema says. */
export interface Parameter {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly kind: 'text' | 'number' | 'switch' | 'choice';
  readonly integer: boolean;
  readonly required: boolean;
  readonly secret: boolean;
  /** The site makes one where none is given. */
  readonly generated: boolean;
  readonly fallback: JsonValue | undefined;
  readonly choices: readonly string[];
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly long: boolean;
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
const numberOf = (value: JsonValue | undefined): number | undefined => (typeof value === 'number' ? value : undefined);
/** Above this many characters a text has lines. */
const shortText = 200;

/** What is to be asked for, in the template's order. */
export function parametersOf(schema: JsonObject | undefined): readonly Parameter[] {
  const properties = schema?.['properties'];
  const required = schema?.['required'];
  if (!isObject(properties)) return [];
  return Object.entries(properties).map(([name, each]) => {
    const property = isObject(each) ? each : {};
    const choices = Array.isArray(property['enum']) ? property['enum'].map(String) : [];
    const type = textOf(property['type']);
    return {
      name,
      title: textOf(property['title']) || name,
      description: textOf(property['description']),
      kind:
        choices.length > 0 ? 'choice' : type === 'boolean' ? 'switch' : /number|integer/.test(type) ? 'number' : 'text',
      integer: type === 'integer',
      required: Array.isArray(required) && required.includes(name),
      secret: property['writeOnly'] === true,
      generated: property['x-generate'] !== undefined,
      fallback: property['default'],
      choices,
      min: numberOf(property['minimum']),
      max: numberOf(property['maximum']),
      long: (numberOf(property['maxLength']) ?? 0) > shortText,
    };
  });
}

/** The values that differ from what the template gives by itself, with the types that it wants. */
export function valuesOf(parameters: readonly Parameter[], typed: Readonly<Record<string, string>>): JsonObject {
  const entries = parameters.flatMap(({ name, kind, secret, fallback }) => {
    const text = typed[name];
    if (secret || text === undefined || (text === '' && kind !== 'text')) return [];
    const value = kind === 'number' ? Number(text) : kind === 'switch' ? text === 'true' : text;
    return value === fallback || (value === '' && fallback === undefined) ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

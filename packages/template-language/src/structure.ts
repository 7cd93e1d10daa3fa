import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import type { Data, Positions } from './document.ts';
import { join } from './document.ts';
import { limits } from './limits.ts';
import { nearest } from './nearest.ts';
import { type Problem, problem } from './problem.ts';
import { templateSchema } from './schema.ts';

// Compiled once per process: about 40 ms.
const ajv = new Ajv2020({
  allErrors: true,
  verbose: true,
  strict: true,
  allowUnionTypes: true,
  strictRequired: false,
  strictTypes: false,
});
const check = ajv.compile(templateSchema);

/** Checks data against the template's JSON Schema. @returns problems with places, at most `limits.problems` */
export function checkStructure(data: Data, positions: Positions): readonly Problem[] {
  if (check(data)) return [];
  const problems = new Map<string, Problem>();
  const errors = check.errors ?? [];
  const unions = errors.filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf');
  for (const error of errors) {
    if (problems.size >= limits.problems) break;
    // The branches of a union each report why they did not match: the union itself says it better.
    if (
      unions.some(
        (union) => union !== error && error.schemaPath.startsWith(`${union.schemaPath}/`) && !isInner(error, union),
      )
    )
      continue;
    if (error.keyword === 'propertyNames' || error.keyword === 'if') continue;
    const found = describe(error, data, positions);
    const key = `${found.path} ${found.code}`;
    if (!problems.has(key)) problems.set(key, found);
  }
  return [...problems.values()];
}

/** An output in its long form that is wrong inside: the inner error is the better one. */
function isInner(error: ErrorObject, union: ErrorObject): boolean {
  return (
    error.instancePath.startsWith(`${union.instancePath}/`) ||
    (error.keyword === 'additionalProperties' && typeof union.data === 'object')
  );
}

function describe(error: ErrorObject, data: Data, positions: Positions): Problem {
  const path = pathOf(error.instancePath, data);
  const params: Readonly<Record<string, unknown>> = error.params;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty']);
      const known = Object.keys(error.parentSchema?.['properties'] ?? {});
      const near = nearest(key, known);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      const at = join(path, key);
      return problem(
        'UNKNOWN_KEY',
        at,
        positions.key(at),
        `The key ${key.slice(0, 60)} is not known here${hint}`,
        `one of ${known.join(', ')}`,
      );
    }
    case 'required': {
      const key = String(params['missingProperty']);
      return problem(
        'MISSING_KEY',
        join(path, key),
        positions.key(path),
        `The key ${key} is missing`,
        expectation(propertyOf(error, key)),
      );
    }
    case 'type':
      return problem(
        'WRONG_TYPE',
        path,
        positions.value(path),
        `This is ${kindOf(error.data)}`,
        expectation(error.parentSchema),
      );
    case 'anyOf':
      return problem(
        unionCode(error),
        path,
        positions.value(path),
        `${show(error.data)} is not accepted here`,
        expectation(error.parentSchema),
      );
    case 'oneOf': {
      const branches = error.schema as readonly { readonly required: readonly string[] }[];
      const keys = branches.flatMap(({ required }) => required);
      return problem(
        'INVALID_VALUE',
        path,
        positions.key(path),
        `Exactly one of ${keys.join(', ')} must be given`,
        `exactly one of ${keys.join(', ')}`,
      );
    }
    case 'pattern':
      if (error.propertyName !== undefined) return badName(error, path, positions);
      return problem(
        'INVALID_VALUE',
        path,
        positions.value(path),
        `${show(error.data)} is not accepted here`,
        expectation(error.parentSchema),
      );
    default:
      return problem(
        'INVALID_VALUE',
        path,
        positions.value(path),
        `${show(error.data)} ${error.message ?? 'is not accepted'}`,
        expectation(error.parentSchema),
      );
  }
}

function badName(error: ErrorObject, path: string, positions: Positions): Problem {
  const name = error.propertyName ?? '';
  const at = join(path, name);
  return problem(
    'INVALID_NAME',
    at,
    positions.key(at),
    `The name ${JSON.stringify(name.slice(0, 60))} is not accepted`,
    expectation(error.parentSchema),
  );
}

function propertyOf(error: ErrorObject, key: string): unknown {
  const found = (error.parentSchema?.['properties'] as Readonly<Record<string, unknown>> | undefined)?.[key];
  return deref(found);
}

function deref(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null || !('$ref' in schema)) return schema;
  const name = String(schema.$ref).replace('#/$defs/', '');
  return Object.entries(templateSchema.$defs).find(([key]) => key === name)?.[1];
}

/** Where both a literal and an expression are allowed, a value of a kind that neither has is of the wrong type. */
function unionCode(error: ErrorObject): 'WRONG_TYPE' | 'INVALID_VALUE' {
  const branches = (error.parentSchema?.['anyOf'] ?? []) as readonly { readonly type?: unknown }[];
  const kind =
    typeof error.data === 'number' && Number.isInteger(error.data)
      ? ['integer', 'number']
      : [Array.isArray(error.data) ? 'array' : typeof error.data];
  return branches.some((branch) => [branch.type].flat().some((type) => kind.includes(String(type))))
    ? 'INVALID_VALUE'
    : 'WRONG_TYPE';
}

/** What of a schema says what is accepted. */
interface Facet {
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

function expectation(schema: unknown): string {
  if (typeof schema !== 'object' || schema === null) return 'a value';
  const { description, const: only, enum: choices, type, minimum, maximum }: Facet = schema;
  if (only !== undefined) return JSON.stringify(only);
  if (choices !== undefined) return `one of ${choices.join(', ')}`;
  const kind = type === undefined ? '' : [type].flat().join(' or ');
  if (description !== undefined) return kind === '' ? description : `${kind}: ${description}`;
  const range =
    minimum === undefined && maximum === undefined ? '' : ` from ${minimum ?? 'any'} to ${maximum ?? 'any'}`;
  return `a value of type ${kind}${range}`;
}

function kindOf(data: unknown): string {
  if (data === null) return 'empty (null)';
  if (Array.isArray(data)) return 'a list';
  if (typeof data === 'object') return 'a mapping';
  return `a ${typeof data} (${show(data)})`;
}

function show(data: unknown): string {
  const text = JSON.stringify(data) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function pathOf(pointer: string, data: Data): string {
  let path = '';
  let at: unknown = data;
  for (const raw of pointer.split('/').slice(1)) {
    const key = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    path = join(path, Array.isArray(at) ? Number(key) : key);
    at = (at as Readonly<Record<string, unknown>> | undefined)?.[key];
  }
  return path;
}

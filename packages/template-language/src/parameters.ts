import { plain, type Value } from './evaluate.ts';
import { ExpressionError } from './expression.ts';
import { nearest } from './nearest.ts';
import { nowhere, type Problem, problem } from './problem.ts';
import { typed } from './sample.ts';
import { sortByDependency } from './cycle.ts';
import type { Generate, Parameter, ParameterValue, Scalar, Template } from './template.ts';
import { hasExpression } from './text.ts';
import { interpolate } from './interpolate.ts';
import { checkValue } from './value.ts';

/** The parameters of a cluster that are no secret, with defaults filled in. */
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** A secret that nobody gave and that the CLI or the agent must make. */
export interface GeneratedSecret extends Generate {
  readonly name: string;
}

export type ResolvedParameters =
  | { readonly ok: true; readonly params: Parameters; readonly generate: readonly GeneratedSecret[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks a cluster's values against its template, fills in defaults and says which secrets remain to be generated.
 * Types are not coerced: `"2"` is no integer (see `parseSetFlag` for a command line's texts).
 * @param values values of parameters that are not secret
 * @param sealed names of the secret parameters that are given, sealed elsewhere
 */
export function resolveParameters(
  template: Template,
  values: Readonly<Record<string, unknown>>,
  sealed: Iterable<string> = [],
): ResolvedParameters {
  const secrets = new Set(sealed);
  const problems = [...unknownNames(template, Object.keys(values)), ...unknownNames(template, [...secrets])];
  const params: Record<string, ParameterValue> = {};
  const generate: GeneratedSecret[] = [];
  for (const name of dependencyOrder(template)) {
    const parameter = template.parameters[name];
    if (parameter === undefined) continue;
    const given = Object.hasOwn(values, name) ? values[name] : undefined;
    if (parameter.secret === true) {
      if (given !== undefined)
        problems.push(
          at(
            name,
            'SECRET_EXPOSED',
            `${name} is secret and must not be sent in clear`,
            "a value sealed to the site's agent",
          ),
        );
      else if (secrets.has(name)) continue;
      else if (parameter.generate !== undefined) generate.push({ name, ...parameter.generate });
      else problems.push(at(name, 'MISSING_KEY', `The secret ${name} is missing`, describe(parameter)));
      continue;
    }
    if (secrets.has(name))
      problems.push(at(name, 'INVALID_VALUE', `${name} is not secret and is not sealed`, 'a plain value'));
    else resolveOne(template, name, parameter, given, params, problems);
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, params, generate };
}

function resolveOne(
  template: Template,
  name: string,
  parameter: Parameter,
  given: unknown,
  params: Record<string, ParameterValue>,
  problems: Problem[],
): void {
  try {
    const value = given ?? defaultOf(template, parameter, params);
    if (value === undefined) {
      problems.push(at(name, 'MISSING_KEY', `The parameter ${name} is missing`, describe(parameter)));
      return;
    }
    const wrong = checkValue(parameter, value);
    if (wrong === undefined) params[name] = value as ParameterValue;
    else problems.push(at(name, 'INVALID_VALUE', wrong.message, wrong.expected));
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    problems.push(problem(error.code, `parameters.${name}.default`, nowhere, error.message, error.expected));
  }
}

function defaultOf(template: Template, parameter: Parameter, params: Parameters): unknown {
  const written = parameter.default;
  if (typeof written !== 'string' || !hasExpression(written)) return written;
  return plain(interpolate(written, { params: parameterVariables(template, params) }));
}

function at(
  name: string,
  code: 'INVALID_VALUE' | 'MISSING_KEY' | 'SECRET_EXPOSED' | 'UNKNOWN_REFERENCE',
  message: string,
  expected: string,
): Problem {
  return problem(code, `params.${name}`, nowhere, message, expected);
}

function unknownNames(template: Template, names: readonly string[]): readonly Problem[] {
  const known = Object.keys(template.parameters);
  return names.filter((name) => !known.includes(name)).map((name) => unknownName(name, known));
}

function unknownName(name: string, known: readonly string[]): Problem {
  const near = nearest(name, known);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return at(
    name,
    'UNKNOWN_REFERENCE',
    `The template has no parameter ${name.slice(0, 60)}${hint}`,
    known.length === 0 ? 'no parameters' : `one of ${known.join(', ')}`,
  );
}

/** Defaults may refer to other parameters: those come first. */
function dependencyOrder(template: Template): readonly string[] {
  const edges = Object.entries(template.parameters).map(([name, each]) => {
    const text = typeof each.default === 'string' && hasExpression(each.default) ? each.default : '';
    return [
      name,
      [...text.matchAll(/params\s*(?:\.\s*(\w+)|\[\s*['"](\w+)['"]\s*\])/g)].map((found) => found[1] ?? found[2] ?? ''),
    ] as const;
  });
  return sortByDependency(new Map(edges));
}

function describe(parameter: Parameter): string {
  return `a value of type ${parameter.type}${parameter.title === undefined ? '' : ` (${parameter.title})`}`;
}

/** Parameters as expressions see them. Secrets are added where they may be read. */
export function parameterVariables(
  template: Template,
  params: Parameters,
  secrets: Readonly<Record<string, string>> = {},
): Readonly<Record<string, Value>> {
  const plainOnes = Object.entries(params).flatMap(([name, value]) => {
    const parameter = template.parameters[name];
    return parameter === undefined || parameter.secret === true ? [] : [[name, typed(parameter, value)] as const];
  });
  const secretOnes = Object.entries(secrets).filter(([name]) => template.parameters[name]?.secret === true);
  return Object.fromEntries<Value>([...plainOnes, ...secretOnes]);
}

export type SetFlag =
  | {
      readonly ok: true;
      readonly name: string;
      readonly value: ParameterValue;
      /** Whether the value must be sealed and never sent in clear. */ readonly secret: boolean;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads one `key=value` of a command line, coercing the text to the parameter's declared type: `true`, `2`, `1.5`; an array is separated by commas.
 * Constraints (bounds, patterns) are checked too.
 */
export function parseSetFlag(template: Template, flag: string): SetFlag {
  const equals = flag.indexOf('=');
  if (equals < 1) return refuse(at(flag.slice(0, 60), 'INVALID_VALUE', 'This is no setting', 'key=value'));
  const name = flag.slice(0, equals);
  const parameter = Object.hasOwn(template.parameters, name) ? template.parameters[name] : undefined;
  if (parameter === undefined) return refuse(unknownName(name, Object.keys(template.parameters)));
  const value = coerce(parameter, flag.slice(equals + 1));
  const wrong = checkValue(parameter, value);
  if (wrong !== undefined) return refuse(at(name, 'INVALID_VALUE', wrong.message, wrong.expected));
  return { ok: true, name, value, secret: parameter.secret === true };
}

function refuse(found: Problem): SetFlag {
  return { ok: false, problems: [found] };
}

function coerce(parameter: Pick<Parameter, 'type' | 'items'>, text: string): ParameterValue {
  if (parameter.type !== 'array') return coerceScalar(parameter.type, text);
  const type = parameter.items?.type ?? 'string';
  return text === '' ? [] : text.split(',').map((item) => coerceScalar(type, item.trim()));
}

/** Text that does not read as the type stays text, for the check to refuse. */
function coerceScalar(type: 'string' | 'integer' | 'number' | 'boolean', text: string): Scalar {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (type === 'integer' && /^-?[0-9]{1,16}$/.test(text)) return Number(text);
  if (type === 'number' && /^-?[0-9]{1,16}(\.[0-9]{1,16})?$/.test(text)) return Number(text);
  return text;
}

/** The JSON Schema of a cluster's values: what a form is drawn from. Secrets are marked `writeOnly`, required ones are those without a default. */
export function parametersSchema(template: Template): Readonly<Record<string, unknown>> {
  const entries = Object.entries(template.parameters);
  const properties = entries.map(([name, { secret, generate, default: given, ...rest }]) => {
    const usable =
      given !== undefined && !(typeof given === 'string' && hasExpression(given)) ? { default: given } : {};
    return [
      name,
      {
        ...rest,
        ...usable,
        ...(secret === true ? { writeOnly: true, format: 'password' } : {}),
        ...(generate === undefined ? {} : { 'x-generate': generate }),
      },
    ] as const;
  });
  const required = entries
    .filter(([, each]) => each.default === undefined && each.generate === undefined)
    .map(([name]) => name);
  return { type: 'object', additionalProperties: false, required, properties: Object.fromEntries(properties) };
}

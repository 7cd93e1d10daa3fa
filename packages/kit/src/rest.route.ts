import {
  getOption,
  ScalarType,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { http } from '@truffle/api/google/api/annotations';
import { Audience } from '@truffle/api/options/v1/method';
import { ContractError, rulesOf } from './contract.ts';
import { InvalidProblem } from './problem.ts';

/** A public method as REST offers it. */
export interface RestRoute {
  readonly method: DescMethod;
  /** HTTP method, in capitals. */
  readonly verb: string;
  /** As the contract has it, e.g. `/v1/clusters/{cluster_id}:stop`. */
  readonly template: string;
  /** The fields that the template takes from the path, in order, as dotted paths. */
  readonly pathFields: readonly string[];
  /** `*`: the body is the request; empty: there is none; else the field that the body is. */
  readonly body: string;
  readonly pattern: RegExp;
}

/** What a path leads to: a route and its path's values, or the verbs that the path has. */
export type RestMatch =
  | { readonly route: RestRoute; readonly path: ReadonlyMap<string, string> }
  | { readonly verbs: readonly string[] };

/** The routes of the public methods of `services`. @throws ContractError for a binding that this does not understand */
export function compileRoutes(services: readonly DescService[]): readonly RestRoute[] {
  return services
    .flatMap((s) => s.methods)
    .filter(
      (m) =>
        rulesOf(m).audience === Audience.PUBLIC &&
        m.methodKind !== 'client_streaming' &&
        m.methodKind !== 'bidi_streaming',
    )
    .flatMap(routesOf);
}

function routesOf(method: DescMethod): RestRoute[] {
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].flatMap(({ pattern: { case: verb, value }, body }) => {
    if (verb === undefined) return [];
    if (verb === 'custom')
      throw new ContractError(`${method.parent.typeName}/${method.name}: custom verbs are not supported`);
    return [compile(method, verb.toUpperCase(), value, body)];
  });
}

function compile(method: DescMethod, verb: string, template: string, body: string): RestRoute {
  const pathFields: string[] = [];
  const source = template.replaceAll(/\{([^}]*)\}|[^{]+/g, (part, field: string | undefined) => {
    if (field === undefined) return RegExp.escape(part);
    const name = field.replace(/=\*$/, '');
    if (fieldAt(method.input, name) === undefined)
      throw new ContractError(`${method.parent.typeName}/${method.name}: the path names ${field}, which is no field`);
    pathFields.push(name);
    return '([^/:]+)';
  });
  return { method, verb, template, pathFields, body, pattern: new RegExp(`^${source}$`) };
}

/** Where `verb path` leads; `path` without its query. @throws InvalidProblem for a path that is not well encoded */
export function matchRoute(routes: readonly RestRoute[], verb: string, path: string): RestMatch {
  const verbs = new Set<string>();
  for (const route of routes) {
    const found = route.pattern.exec(path);
    if (found === null) continue;
    if (route.verb === verb)
      return { route, path: new Map(route.pathFields.map((field, i) => [field, decode(found[i + 1] ?? '', field)])) };
    verbs.add(route.verb);
  }
  return { verbs: [...verbs] };
}

function decode(text: string, field: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    if (cause instanceof URIError)
      throw new InvalidProblem([{ field, description: 'is not well encoded', reason: 'INVALID_ENCODING' }]);
    throw cause;
  }
}

/**
 * The request as ProtoJSON, from path, query and body; where they disagree the path wins.
 * @throws InvalidProblem for a parameter that the method does not have, or a body that is no object
 */
export function requestJson(
  route: RestRoute,
  path: ReadonlyMap<string, string>,
  query: URLSearchParams,
  body: JsonValue | undefined,
): JsonObject {
  const { input } = route.method;
  const request: JsonObject = {};
  if (route.body === '*' && body !== undefined) Object.assign(request, objectOf(body, 'body'));
  else if (route.body !== '' && route.body !== '*' && body !== undefined) request[jsonNameOf(input, route.body)] = body;
  for (const name of new Set(query.keys())) {
    const field = fieldAt(input, name);
    if (field === undefined || route.body === '*' || !isSimple(field))
      throw new InvalidProblem([
        { field: name, description: 'is no parameter of this method', reason: 'UNKNOWN_PARAMETER' },
      ]);
    const values = query.getAll(name).map((value) => jsonOf(field, value));
    if (field.fieldKind !== 'list' && values.length > 1)
      throw new InvalidProblem([{ field: name, description: 'is given more than once', reason: 'REPEATED_PARAMETER' }]);
    put(request, input, name, field.fieldKind === 'list' ? values : values[0]!);
  }
  for (const [name, value] of path) put(request, input, name, value);
  return request;
}

function put(request: JsonObject, schema: DescMessage, name: string, value: JsonValue): void {
  const parts = name.split('.');
  let at = request;
  let message: DescMessage | undefined = schema;
  for (const part of parts.slice(0, -1)) {
    const field = childOf(message, part);
    const next = objectOf(at[field?.jsonName ?? part] ?? {}, part);
    at[field?.jsonName ?? part] = next;
    at = next;
    message = field?.message;
  }
  const last = parts.at(-1) ?? '';
  const field = childOf(message, last);
  // The body may have spelled the field either way.
  if (field !== undefined) delete at[field.name];
  at[field?.jsonName ?? last] = value;
}

function objectOf(value: JsonValue, field: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new InvalidProblem([{ field, description: 'must be a JSON object', reason: 'INVALID_TYPE' }]);
}

/** The field at a dotted path, its parts spelled as in the contract or as in JSON. */
export function fieldAt(schema: DescMessage, path: string): DescField | undefined {
  let message: DescMessage | undefined = schema;
  let field: DescField | undefined;
  for (const part of path.split('.')) {
    field = childOf(message, part);
    if (field === undefined) return undefined;
    message = field.fieldKind === 'message' ? field.message : undefined;
  }
  return field;
}

const childOf = (message: DescMessage | undefined, name: string): DescField | undefined =>
  message?.fields.find((f) => f.name === name || f.jsonName === name);

const jsonNameOf = (message: DescMessage, name: string): string => childOf(message, name)?.jsonName ?? name;

/** Messages whose JSON is one string, so that they fit in a parameter. */
const stringTypes = new Set(['google.protobuf.Timestamp', 'google.protobuf.Duration', 'google.protobuf.FieldMask']);

/** Whether a field fits in a query parameter. */
export function isSimple(field: DescField): boolean {
  if (field.fieldKind === 'message') return stringTypes.has(field.message.typeName);
  return field.fieldKind === 'list' ? field.listKind !== 'message' : field.fieldKind !== 'map';
}

function jsonOf(field: DescField, text: string): JsonValue {
  if (field.enum !== undefined && /^-?\d{1,10}$/.test(text)) return Number(text);
  if (field.scalar !== ScalarType.BOOL) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidProblem([{ field: field.name, description: 'must be true or false', reason: 'INVALID_TYPE' }]);
}

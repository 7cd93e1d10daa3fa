import { ScalarType, type DescEnum, type DescField, type DescMessage, type JsonObject } from '@bufbuild/protobuf';
import { Access, Idempotency, type MethodRules } from '@truffle/api/options/v1/method';
import { rulesOf } from './contract.ts';
import { fieldAt, isSimple, type RestRoute } from './rest.route.ts';

/** OpenAPI 3.1 of `routes`. Descriptors carry no comments at run time, so names and the contract's options are what it says. */
export function openApiOf(routes: readonly RestRoute[]): JsonObject {
  const schemas: Record<string, JsonObject> = {};
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const template = route.template.replaceAll(/\{([^}=]*)(?:=\*)?\}/g, '{$1}');
    paths[template] = { ...paths[template], [route.verb.toLowerCase()]: operation(route, schemas) };
  }
  schemas['Problem'] = problem;
  return {
    openapi: '3.1.0',
    info: { title: 'Truffle', version: 'v1' },
    paths,
    components: {
      schemas,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'a session token or an API key' } },
    },
  };
}

function operation({ method, pathFields, body }: RestRoute, schemas: Record<string, JsonObject>): JsonObject {
  const rules = rulesOf(method);
  const streams = method.methodKind === 'server_streaming';
  const type = streams ? 'text/event-stream' : 'application/json';
  const parameters = [
    ...pathFields.map((name) => parameter(name, 'path', true, fieldAt(method.input, name)!, schemas)),
    ...(body === '*'
      ? []
      : queryFields(method.input, pathFields, body, '').map(([name, field]) =>
          name === 'order_by' ? orderParameter(rules) : parameter(name, 'query', false, field, schemas),
        )),
    ...(rules.idempotency === Idempotency.KEYED
      ? [{ name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string' } }]
      : []),
    ...(streams ? [{ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } }] : []),
  ];
  return {
    operationId: `${method.parent.name}_${method.name}`,
    summary: method.name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' '),
    tags: [method.parent.name.replace(/Service$/, '')],
    parameters,
    ...(body === ''
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: body === '*' ? ref(method.input, schemas) : schemaOf(fieldAt(method.input, body)!, schemas),
              },
            },
          },
        }),
    responses: {
      '200': { description: method.output.name, content: { [type]: { schema: ref(method.output, schemas) } } },
      default: {
        description: 'A problem',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
    security: rules.access === Access.ANONYMOUS ? [] : [{ bearer: [] }],
    ...(rules.permission === '' ? {} : { 'x-truffle-permission': rules.permission }),
  };
}

/** The fields that fit in a query, one level of messages opened, e.g. `page.size`. */
function queryFields(
  schema: DescMessage,
  taken: readonly string[],
  body: string,
  prefix: string,
): [string, DescField][] {
  return schema.fields.flatMap((field): [string, DescField][] => {
    const name = `${prefix}${field.name}`;
    if (taken.includes(name) || name === body) return [];
    if (isSimple(field)) return [[name, field]];
    return field.fieldKind === 'message' && prefix === '' ? queryFields(field.message, taken, body, `${name}.`) : [];
  });
}

const orderParameter = ({ orders }: MethodRules): JsonObject => {
  const fields = orders.map((each) => each.split(' ')[0] ?? '');
  const schema = { type: 'string', enum: fields.flatMap((each) => [each, `${each} desc`]), default: orders[0] ?? '' };
  return { name: 'order_by', in: 'query', required: false, schema };
};

const parameter = (
  name: string,
  place: string,
  required: boolean,
  field: DescField,
  schemas: Record<string, JsonObject>,
): JsonObject => ({ name, in: place, required, schema: schemaOf(field, schemas) });

function schemaOf(field: DescField, schemas: Record<string, JsonObject>): JsonObject {
  switch (field.fieldKind) {
    case 'list':
      return { type: 'array', items: valueSchema(field, schemas) };
    case 'map':
      return { type: 'object', additionalProperties: valueSchema(field, schemas) };
    default:
      return valueSchema(field, schemas);
  }
}

function valueSchema({ message, enum: names, scalar }: DescField, schemas: Record<string, JsonObject>): JsonObject {
  if (message !== undefined) return ref(message, schemas);
  if (names !== undefined) return enumSchema(names);
  return scalarSchema(scalar ?? ScalarType.STRING);
}

const enumSchema = (names: DescEnum): JsonObject => ({ type: 'string', enum: names.values.map((v) => v.name) });

function scalarSchema(scalar: ScalarType): JsonObject {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BYTES:
      return { type: 'string', contentEncoding: 'base64' };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: 'number' };
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return { type: 'string', format: 'int64', pattern: '^-?[0-9]+$' };
    default:
      return { type: 'integer', format: 'int32' };
  }
}

const wellKnown: Readonly<Record<string, JsonObject>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: String.raw`^-?[0-9]+(\.[0-9]+)?s$` },
  'google.protobuf.FieldMask': { type: 'string' },
  'google.protobuf.Struct': { type: 'object' },
  'google.protobuf.Value': {},
  'google.protobuf.ListValue': { type: 'array' },
  'google.protobuf.Empty': { type: 'object' },
};

function ref(message: DescMessage, schemas: Record<string, JsonObject>): JsonObject {
  const known = wellKnown[message.typeName];
  if (known !== undefined) return known;
  const name = message.typeName;
  if (schemas[name] === undefined) {
    const properties: Record<string, JsonObject> = {};
    // Set first: messages may contain themselves.
    schemas[name] = { type: 'object', properties };
    for (const field of message.fields) properties[field.jsonName] = schemaOf(field, schemas);
  }
  return { $ref: `#/components/schemas/${name}` };
}

const problem: JsonObject = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'reason', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    reason: { type: 'string' },
    parameters: { type: 'object', additionalProperties: { type: 'string' } },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'description'],
        properties: { field: { type: 'string' }, description: { type: 'string' }, reason: { type: 'string' } },
      },
    },
    requestId: { type: 'string' },
  },
};

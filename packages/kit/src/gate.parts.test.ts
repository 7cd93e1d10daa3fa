import { create, createFileRegistry, type DescFile, type DescMethod, setExtension } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from '@truffle/api/google/rpc/error_details';
import {
  Access,
  Audience,
  Idempotency,
  MethodRulesSchema,
  RateClass,
  rules as rulesOption,
  type MethodRules,
} from '@truffle/api/options/v1/method';
import { file_google_protobuf_empty } from '@bufbuild/protobuf/wkt';
import { ListTemplatesRequestSchema } from '@truffle/api/template/v1/template_service';
import { ConnectionLostError, InvalidPageTokenError } from '@truffle/database';
import { describe, expect, test } from 'vitest';
import { checkContract, ContractError, rulesOf } from './contract.ts';
import {
  AlreadyExistsProblem,
  InvalidProblem,
  NotFoundProblem,
  PermissionProblem,
  PreconditionProblem,
  StaleRevisionProblem,
  UnauthenticatedProblem,
} from './problem.ts';
import { statusOf } from './problem.status.ts';
import { validate } from './validate.ts';

const good = {
  audience: Audience.PUBLIC,
  access: Access.PERMISSION,
  permission: 'thing.get',
  resource: 'thing_id',
  rate: RateClass.READ,
  idempotency: Idempotency.SAFE,
};

/** A method with these rules, from a descriptor made here. */
function methodWith(rules: Partial<MethodRules> | undefined): DescMethod {
  const options = create(MethodOptionsSchema);
  if (rules !== undefined) setExtension(options, rulesOption, create(MethodRulesSchema, rules as MethodRules));
  const file = create(FileDescriptorProtoSchema, {
    name: 'test.proto',
    package: 'test',
    syntax: 'proto3',
    dependency: ['google/protobuf/empty.proto'],
    messageType: [
      {
        name: 'Ask',
        field: [
          {
            name: 'thing_id',
            number: 1,
            type: FieldDescriptorProto_Type.STRING,
            label: FieldDescriptorProto_Label.OPTIONAL,
          },
        ],
      },
    ],
    service: [
      {
        name: 'Things',
        method: [{ name: 'Get', inputType: '.test.Ask', outputType: '.google.protobuf.Empty', options }],
      },
    ],
  });
  const registry = createFileRegistry(file, (name): DescFile | undefined =>
    name === 'google/protobuf/empty.proto' ? file_google_protobuf_empty : undefined,
  );
  return registry.getService('test.Things')!.methods[0]!;
}

describe('the contract', () => {
  test('takes a method that says everything', () => {
    const method = methodWith(good);
    expect(rulesOf(method)).toMatchObject(good);
    expect(() => checkContract([method.parent])).not.toThrow();
  });

  test.each<[string, Partial<MethodRules> | undefined]>([
    ['says no audience', undefined],
    ['says no audience', { ...good, audience: Audience.UNSPECIFIED }],
    ['says no access', { ...good, access: Access.UNSPECIFIED }],
    ['says no rate class', { ...good, rate: RateClass.UNSPECIFIED }],
    ['says no idempotency', { ...good, idempotency: Idempotency.UNSPECIFIED }],
    ['names a permission if and only if', { ...good, permission: '' }],
    ['names a permission if and only if', { ...good, access: Access.ANONYMOUS }],
    ['names a resource if and only if', { ...good, resource: '' }],
    ['has no field other_id', { ...good, resource: 'other_id' }],
    ['wants a step-up of nobody', { ...good, audience: Audience.INTERNAL, stepUp: true }],
    ['is public but for services', { ...good, access: Access.SERVICE, permission: '', resource: '' }],
    ['writes but has no audit verb', { ...good, idempotency: Idempotency.NATURAL }],
  ])('refuses one that %s', (fault, rules) => {
    const method = methodWith(rules);
    expect(() => checkContract([method.parent])).toThrow(ContractError);
    expect(() => rulesOf(method)).toThrow(`test.Things/Get: ${fault}`);
  });
});

describe('a status', () => {
  test.each([
    [new NotFoundProblem('cluster', 'cls_1'), Code.NotFound, 'NOT_FOUND', { resource: 'cluster', id: 'cls_1' }],
    [
      new AlreadyExistsProblem('cluster', 'web'),
      Code.AlreadyExists,
      'ALREADY_EXISTS',
      { resource: 'cluster', name: 'web' },
    ],
    [
      new StaleRevisionProblem('cluster', 'cls_1', 3n, 5n),
      Code.Aborted,
      'STALE_REVISION',
      { resource: 'cluster', id: 'cls_1', seen: '3', current: '5' },
    ],
    [
      new PreconditionProblem('AGENT_OFFLINE', 'the agent is away', { agent: 'agt_1' }),
      Code.FailedPrecondition,
      'AGENT_OFFLINE',
      { agent: 'agt_1' },
    ],
    [new UnauthenticatedProblem('NO_CREDENTIAL', 'sign in'), Code.Unauthenticated, 'NO_CREDENTIAL', {}],
    [
      new PermissionProblem('cluster.create', 'prj_1'),
      Code.PermissionDenied,
      'PERMISSION_DENIED',
      { permission: 'cluster.create', scope: 'prj_1' },
    ],
  ])('of %s carries its code, reason, parameters and the request', (problem, code, reason, metadata) => {
    const { status, internal } = statusOf(problem, 'req_12345678');
    expect([status.code, internal]).toEqual([code, false]);
    expect(status.findDetails(ErrorInfoSchema)[0]).toMatchObject({ reason, domain: 'truffle.dev', metadata });
    expect(status.findDetails(RequestInfoSchema)[0]).toMatchObject({ requestId: 'req_12345678' });
  });

  test('of a wrong field or page token names it', () => {
    const fields = (error: unknown) =>
      statusOf(error, 'r')
        .status.findDetails(BadRequestSchema)[0]
        ?.fieldViolations.map((v) => [v.field, v.reason]);
    expect(fields(new InvalidProblem([{ field: 'spec.name', description: 'is taken', reason: 'TAKEN' }]))).toEqual([
      ['spec.name', 'TAKEN'],
    ]);
    expect(fields(new InvalidPageTokenError())).toEqual([['page.token', 'INVALID_PAGE_TOKEN']]);
  });

  test('of anything else tells the caller nothing of it', () => {
    const { status, internal } = statusOf(new Error('password=hunter2 at 10.0.0.1'), 'req_12345678');
    expect([status.code, internal]).toEqual([Code.Internal, true]);
    expect(`${status.message} ${JSON.stringify(status.details.map((d) => d.value))}`).not.toContain('hunter2');
    expect(status.message).toContain('req_12345678');
  });

  test('of a database that is away says to try again, and keeps the cause for the log', () => {
    const { status, internal } = statusOf(new ConnectionLostError('10.0.0.1 does not answer'), 'req_12345678');
    expect([status.code, internal]).toEqual([Code.Unavailable, true]);
    expect(status.findDetails(ErrorInfoSchema)[0]?.reason).toBe('DATABASE_UNAVAILABLE');
    expect(status.message).not.toContain('10.0.0.1');
  });

  test('that is one already stays as it is', () => {
    const given = new ConnectError('later', Code.Unavailable);
    expect(statusOf(given, 'r')).toEqual({ status: given, internal: false });
  });
});

describe('validation', () => {
  const orgId = `org_${'0'.repeat(26)}`;
  const fieldsOf = (message: Parameters<typeof create<typeof ListTemplatesRequestSchema>>[1]): string[] => {
    try {
      validate(ListTemplatesRequestSchema, create(ListTemplatesRequestSchema, message));
      return [];
    } catch (error) {
      if (error instanceof InvalidProblem) return error.fields.map((f) => f.field);
      throw error;
    }
  };

  test('lets pass what keeps its bounds', () => expect(fieldsOf({ orgId, page: { size: 500 } })).toEqual([]));
  test('names every field that does not, by its path', () =>
    expect(fieldsOf({ orgId: 'x', page: { size: 501, token: 'x'.repeat(1025) } })).toEqual([
      'org_id',
      'page.size',
      'page.token',
    ]));
  test.each(['', `${orgId}\n`, `${orgId}'; drop table`, `prj_${'0'.repeat(26)}`, `org_${'0'.repeat(25)}`])(
    'refuses %j as an organization',
    (given) => expect(fieldsOf({ orgId: given })).toEqual(['org_id']),
  );
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@truffle/api/grpc/health/v1/health';
import { ServerReflection } from '@truffle/api/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@truffle/api/grpc/reflection/v1alpha/reflection';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { orgId, startTestOrigin, type TestOrigin } from './origin.fixture.ts';

const run = promisify(execFile);
let origin: TestOrigin;

beforeAll(async () => {
  origin = await startTestOrigin();
});
afterAll(() => origin.close());

const grpc = () => createGrpcTransport({ baseUrl: origin.url });
const buf = async (...args: string[]): Promise<string> =>
  (await run('node_modules/.bin/buf', ['curl', ...args], { timeout: 20_000 })).stdout;

describe.each([
  ['gRPC', () => createGrpcTransport({ baseUrl: origin.url })],
  ['gRPC-Web over HTTP/1.1', () => createGrpcWebTransport({ baseUrl: origin.url, httpVersion: '1.1' })],
  ['Connect over HTTP/1.1', () => createConnectTransport({ baseUrl: origin.url, httpVersion: '1.1' })],
  ['Connect over HTTP/2', () => createConnectTransport({ baseUrl: origin.url, httpVersion: '2' })],
])('%s', (_, transport) => {
  test('calls a method', async () => {
    expect(await createClient(TemplateService, transport()).listTemplates({ orgId, name: 'x' })).toMatchObject({
      templates: [{ name: 'x' }],
    });
  });
});

describe('reflection', () => {
  test.each([
    ['v1', ServerReflection],
    ['v1alpha', ServerReflectionAlpha],
  ] as const)('%s sends files that link to one another, without services that were not named', async (_, service) => {
    const client = createClient(service as typeof ServerReflection, grpc());
    async function* questions() {
      yield { messageRequest: { case: 'fileContainingSymbol' as const, value: TemplateService.typeName } };
      yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'truffle.tenant.v1.IdentityService' } };
      yield {
        messageRequest: {
          case: 'fileContainingExtension' as const,
          value: { containingType: 'google.protobuf.MethodOptions', extensionNumber: 50600 },
        },
      };
      yield { messageRequest: { case: 'allExtensionNumbersOfType' as const, value: 'google.protobuf.MethodOptions' } };
      yield { messageRequest: { case: 'fileByFilename' as const, value: '../etc/passwd' } };
    }
    const answers = [];
    for await (const { messageResponse } of client.serverReflectionInfo(questions())) answers.push(messageResponse);
    const [template, identity, rules, numbers, passwd] = answers;
    expect(identity).toMatchObject({ case: 'errorResponse', value: { errorCode: 5 } });
    expect(passwd).toMatchObject({ case: 'errorResponse', value: { errorCode: 5 } });
    expect(rules).toMatchObject({ case: 'fileDescriptorResponse' });
    expect(numbers).toMatchObject({
      case: 'allExtensionNumbersResponse',
      value: { extensionNumber: expect.arrayContaining([50600, 72295728]) as number[] },
    });
    if (template?.case !== 'fileDescriptorResponse') throw new Error('no descriptor came');
    const files = template.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    expect(files[0]?.name).toBe('truffle/template/v1/template_service.proto');
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(files) }));
    expect(registry.getService(TemplateService.typeName)?.methods.length).toBe(TemplateService.methods.length);
  });

  test('lets buf curl list services and methods over gRPC', async () => {
    const listed = await buf('--http2-prior-knowledge', '--protocol', 'grpc', origin.url, '--list-services');
    expect(listed.trim().split('\n')).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'truffle.orchestration.v1.OperationService',
      'truffle.template.v1.TemplateService',
      'truffle.tenant.v1.EventService',
    ]);
    const methods = await buf('--http2-prior-knowledge', '--protocol', 'grpc', origin.url, '--list-methods');
    expect(methods).toContain('truffle.template.v1.TemplateService/ListTemplates');
  });

  test('lets buf curl call by gRPC, and by Connect over HTTP/2 and HTTP/1.1', async () => {
    const url = `${origin.url}/truffle.template.v1.TemplateService/ListTemplates`;
    const message = JSON.stringify({ orgId, name: 'here' });
    for (const how of [
      ['--http2-prior-knowledge', '--protocol', 'grpc'],
      ['--http2-prior-knowledge', '--protocol', 'connect'],
      ['--protocol', 'connect', '--schema', '.'],
    ])
      expect(JSON.parse(await buf(...how, '-d', message, url))).toMatchObject({ templates: [{ name: 'here' }] });
  });
});

describe('health', () => {
  test('follows the process', async () => {
    const client = createClient(Health, grpc());
    expect(await client.check({})).toMatchObject({ status: Status.SERVING });
    expect(await client.check({ service: TemplateService.typeName })).toMatchObject({ status: Status.SERVING });
    await expect(client.check({ service: 'nobody' })).rejects.toMatchObject({ code: 5 });
    expect(Object.keys((await client.list({})).statuses)).toContain(TemplateService.typeName);
    const leaving = new AbortController();
    const seen: Status[] = [];
    try {
      for await (const { status } of client.watch({}, { signal: leaving.signal })) {
        seen.push(status);
        origin.healthy = !origin.healthy;
        if (seen.length === 2) leaving.abort();
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 1 });
    }
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
    origin.healthy = true;
  });
});

function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const sorted = new Set<FileDescriptorProto>();
  const visit = (file: FileDescriptorProto): void => {
    for (const name of file.dependency) visit(files.find((f) => f.name === name)!);
    sorted.add(file);
  };
  files.forEach(visit);
  return [...sorted];
}

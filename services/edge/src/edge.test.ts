import { Code, createClient } from '@connectrpc/connect';
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { EnrollmentService } from '@truffle/api/agent/v1/agent_service';
import { PlanService } from '@truffle/api/billing/v1/plan_service';
import { Health } from '@truffle/api/grpc/health/v1/health';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { EventService } from '@truffle/api/tenant/v1/event_service';
import { IdentityService } from '@truffle/api/tenant/v1/identity_service';
import { listenOrigin, restHandler, type Host, type OriginServer } from '@truffle/kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEdge } from './edge.ts';

const orgId = `org_${'0'.repeat(26)}`;
const seen: Headers[] = [];
let behind: OriginServer;
let edge: Host;
let url: string;
let watching = Promise.withResolvers<AbortSignal>();

/** All five services behind one port, but for billing, which is at a port where nobody listens. */
beforeAll(async () => {
  const connectHandler = connectNodeAdapter({
    requireConnectProtocolHeader: false,
    routes: (router) => {
      router.service(TemplateService, {
        listTemplates(request, context) {
          seen.push(context.requestHeader);
          context.responseTrailer.set('x-trail', 'kept');
          return { templates: [{ name: request.name }] };
        },
        createTemplateVersion: (request) => ({ version: { source: request.source } }),
      });
      router.service(EventService, {
        async *watchEvents(request, context) {
          watching.resolve(context.signal);
          for (let n = 1n; n <= 3n; n++) yield { event: { n } };
          if (request.resourceId !== 'ends')
            await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
        },
      });
      router.service(IdentityService, { authenticate: () => ({ subject: 'user:leaked' }) });
    },
  });
  const rest = restHandler([TemplateService, EventService], connectHandler);
  behind = await listenOrigin(
    (request, response) => {
      if (request.url === '/readyz') return (response as { end(text: string): void }).end('ready');
      if (request.url?.startsWith('/v1/')) return rest(request, response);
      return connectHandler(request, response);
    },
    { host: '127.0.0.1', port: 0 },
  );
  const dead = await listenOrigin(() => undefined, { host: '127.0.0.1', port: 0 });
  await dead.close(0);
  const at = `http://127.0.0.1:${behind.port}`;
  edge = await startEdge({
    TRUFFLE_LISTEN: '127.0.0.1:0',
    TRUFFLE_LOG_LEVEL: 'fatal',
    TRUFFLE_PEERS: `tenant=${at},template=${at},orchestration=${at},agent-gateway=${at},billing=http://127.0.0.1:${dead.port}`,
  });
  url = `http://127.0.0.1:${edge.port}`;
});

afterAll(async () => {
  await edge.close();
  await behind.close(100);
});

const transports = [
  ['gRPC', () => createGrpcTransport({ baseUrl: url })],
  ['gRPC-Web over HTTP/1.1', () => createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' })],
  ['Connect over HTTP/1.1', () => createConnectTransport({ baseUrl: url, httpVersion: '1.1' })],
  ['Connect over HTTP/2', () => createConnectTransport({ baseUrl: url, httpVersion: '2' })],
] as const;

describe.each(transports)('%s', (_, transport) => {
  test('calls, with trailers kept and headers of the gate between services cut off', async () => {
    let trail: string | null = null;
    const answer = await createClient(TemplateService, transport()).listTemplates(
      { orgId, name: 'x' },
      {
        headers: { authorization: 'Bearer abc', 'truffle-context': 'forged', 'x-forwarded-for': '1.2.3.4' },
        onTrailer: (trailer) => (trail = trailer.get('x-trail')),
      },
    );
    expect(answer.templates[0]?.name).toBe('x');
    expect(trail).toBe('kept');
    const header = seen.at(-1);
    expect([header?.get('authorization'), header?.get('truffle-context'), header?.get('x-forwarded-for')]).toEqual([
      'Bearer abc',
      null,
      '127.0.0.1',
    ]);
  });

  test('carries half a megabyte both ways', async () => {
    const source = 'x'.repeat(512 * 1024);
    const { version } = await createClient(TemplateService, transport()).createTemplateVersion({ orgId, source });
    expect(version?.source.length).toBe(source.length);
  });

  test('streams as it comes, and ends the call behind when the caller leaves', async () => {
    watching = Promise.withResolvers();
    const leaving = new AbortController();
    const numbers: bigint[] = [];
    await expect(async () => {
      for await (const { event } of createClient(EventService, transport()).watchEvents(
        { orgId },
        { signal: leaving.signal },
      )) {
        numbers.push(event?.n ?? 0n);
        if (numbers.length === 3) leaving.abort();
      }
    }).rejects.toMatchObject({ code: Code.Canceled });
    expect(numbers).toEqual([1n, 2n, 3n]);
    const signal = await watching.promise;
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });

  test('says what is not there, and what cannot be reached', async () => {
    await expect(createClient(IdentityService, transport()).authenticate({})).rejects.toMatchObject({
      code: Code.Unimplemented,
    });
    await expect(createClient(EnrollmentService, transport()).enroll({})).rejects.toMatchObject({
      code: Code.Unimplemented,
    });
    await expect(createClient(PlanService, transport()).listPlans({})).rejects.toMatchObject({
      code: Code.Unavailable,
    });
  });
});

describe('REST', () => {
  test('goes to the service of its binding', async () => {
    const response = await fetch(`${url}/v1/organizations/${orgId}/templates?name=y`);
    expect(await response.json()).toEqual({ templates: [{ name: 'y' }] });
  });

  test('streams events', async () => {
    const response = await fetch(`${url}/v1/organizations/${orgId}/events:watch?resource_id=ends`);
    expect(await response.text()).toMatch(/^id: 1\n[^]*id: 3\n[^]*event: end/);
  });

  test.each([
    ['/v1/nowhere', 404],
    ['/v1/organizations/%E0%A4%A/templates', 400],
    ['/v1/plans', 503],
  ])('answers %s with a problem', async (path, status) => {
    const response = await fetch(`${url}${path}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
  });

  test('describes every public method', async () => {
    const { paths } = (await (await fetch(`${url}/v1/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/v1/plans', '/v1/agents:enroll', '/v1/operations/{operation_id}:watch']),
    );
  });
});

test('its own pages: alive, but not ready while a service is not', async () => {
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect(await createClient(Health, createGrpcTransport({ baseUrl: url })).check({})).toMatchObject({ status: 2 });
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});

test('does not start without knowing where every service is', async () => {
  await expect(
    startEdge({ TRUFFLE_LISTEN: '127.0.0.1:0', TRUFFLE_PEERS: 'tenant=http://127.0.0.1:1' }),
  ).rejects.toThrow('TRUFFLE_PEERS does not say where');
});

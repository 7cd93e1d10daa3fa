import http2 from 'node:http2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { operationId, orgId, startTestOrigin, templateId, type TestOrigin } from './origin.fixture.ts';

let origin: TestOrigin;

beforeAll(async () => {
  origin = await startTestOrigin();
});
beforeEach(() => void (origin.asked.length = 0));
afterAll(() => origin.close());

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${origin.url}${path}`, { headers });

const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${origin.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

const asked = (): Record<string, unknown> => origin.asked.at(-1)?.request as Record<string, unknown>;

describe('a request by REST', () => {
  test('gets path, query and nested query into the message, and the answer back as JSON', async () => {
    const response = await get(`/v1/organizations/${orgId}/templates?name=web%20app&page.size=7&page.token=abc`, {
      'x-request-id': 'my_request_1',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-request-id')).toBe('my_request_1');
    expect(await response.json()).toEqual({ templates: [{ id: templateId, name: 'web app' }], page: { next: 'more' } });
    expect(asked()).toMatchObject({ orgId, name: 'web app', page: { size: 7, token: 'abc' } });
  });

  test('passes on the headers that mean something, and not those of the gate between services', async () => {
    await get(`/v1/organizations/${orgId}/templates`, {
      authorization: 'Bearer secret12',
      'idempotency-key': 'k1',
      traceparent: '00-1-2-01',
      'truffle-context': 'forged',
      cookie: 'a=b',
    });
    const { header } = origin.asked[0]!;
    expect([header.get('authorization'), header.get('idempotency-key'), header.get('traceparent')]).toEqual([
      'Bearer secret12',
      'k1',
      '00-1-2-01',
    ]);
    expect([header.get('truffle-context'), header.get('cookie')]).toEqual([null, null]);
  });

  test('takes a custom verb and a body, in which the path wins', async () => {
    const response = await post(
      `/v1/organizations/${orgId}/templates:validate`,
      JSON.stringify({ source: 'abc', org_id: 'another', orgId: 'another' }),
    );
    expect(await response.json()).toEqual({ digest: 'sha256:3' });
    expect(asked()).toMatchObject({ orgId, source: 'abc' });
  });

  test('deletes with a number from the query', async () => {
    const response = await fetch(
      `${origin.url}/v1/organizations/${orgId}/templates/${templateId}?revision=9007199254740993`,
      { method: 'DELETE' },
    );
    expect(await response.json()).toEqual({});
    expect(asked()).toMatchObject({ templateId, revision: 9007199254740993n });
  });

  test('works over HTTP/2', async () => {
    const session = http2.connect(origin.url);
    const stream = session.request({ ':path': `/v1/organizations/${orgId}/templates` });
    let body = '';
    for await (const chunk of stream.setEncoding('utf8')) body += chunk;
    session.close();
    expect(JSON.parse(body)).toMatchObject({ page: { next: 'more' } });
  });
});

describe('what goes wrong', () => {
  test('is problem details with code, reason and parameters', async () => {
    const response = await get(`/v1/organizations/${orgId}/templates/${templateId}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('x-request-id')).toBe('req_12345678');
    expect(await response.json()).toEqual({
      type: 'urn:truffle:problem:not-found',
      title: 'Not found',
      status: 404,
      detail: `template ${templateId} was not found`,
      code: 'not_found',
      reason: 'NOT_FOUND',
      parameters: { resource: 'template', id: templateId },
      errors: [],
      requestId: 'req_12345678',
    });
  });

  test('names the field', async () => {
    const response = await post('/v1/organizations/wrong/templates:validate', '{"source":""}');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'invalid_argument',
      errors: [{ field: 'org_id', reason: 'STRING_PATTERN' }],
    });
  });

  test('says when to try again', async () => {
    const response = await post(`/v1/organizations/${orgId}/templates:validate`, '{"source":"tired"}');
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2']);
  });

  test.each([
    ['an unknown path', 'GET', '/v1/nowhere', undefined, 404, 'NOT_FOUND'],
    ['an internal method', 'POST', '/v1/truffle.tenant.v1.IdentityService/Authenticate', '{}', 404, 'NOT_FOUND'],
    ['a verb that the path does not take', 'PUT', `/v1/organizations/${orgId}/templates`, '{}', 405, 'UNIMPLEMENTED'],
    ['an unknown parameter', 'GET', `/v1/organizations/${orgId}/templates?nmae=x`, undefined, 400, 'INVALID_ARGUMENT'],
    [
      'a parameter twice',
      'GET',
      `/v1/organizations/${orgId}/templates?name=x&name=y`,
      undefined,
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'a number that is none',
      'GET',
      `/v1/organizations/${orgId}/templates?page.size=many`,
      undefined,
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'a prototype for a parameter',
      'GET',
      `/v1/organizations/${orgId}/templates?__proto__.x=1`,
      undefined,
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'a path that is not well encoded',
      'GET',
      '/v1/organizations/%E0%A4%A/templates',
      undefined,
      400,
      'INVALID_ARGUMENT',
    ],
    ['a body that is not JSON', 'POST', `/v1/organizations/${orgId}/templates:validate`, '{', 400, 'INVALID_ARGUMENT'],
    [
      'a body that is no object',
      'POST',
      `/v1/organizations/${orgId}/templates:validate`,
      '[]',
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'a body that is too long',
      'POST',
      `/v1/organizations/${orgId}/templates:validate`,
      ' '.repeat(1024 * 1024 + 1),
      413,
      'RESOURCE_EXHAUSTED',
    ],
  ])('answers %s', async (_, method, path, body, status, reason) => {
    const response = await fetch(`${origin.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    });
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status, reason });
    expect(response.status).toBe(status);
    if (status === 405) expect(response.headers.get('allow')).toBe('GET');
  });

  test('refuses another content type', async () => {
    const response = await post(`/v1/organizations/${orgId}/templates:validate`, 'a: b', {
      'content-type': 'application/yaml',
    });
    expect(response.status).toBe(415);
  });
});

describe('a stream by REST', () => {
  const events = `/v1/organizations/${orgId}/events:watch`;

  test('is events with their cursors, signs of life as comments, and an end', async () => {
    const response = await get(`${events}?after=5&resource_id=ends`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await response.text()).toBe(
      [6, 7, 8].map((n) => `id: ${n}\ndata: {"event":{"n":"${n}","type":"dev.truffle.test.v1"}}\n\n`).join('') +
        ': alive\n\nevent: end\ndata: {}\n\n',
    );
  });

  test('goes on after Last-Event-ID', async () => {
    const response = await get(`${events}?after=5&resource_id=ends`, { 'last-event-id': '41' });
    expect(await response.text()).toMatch(/^id: 42\n/);
    expect(asked()).toMatchObject({ after: 41n });
  });

  test('takes the cursor of the last line of several', async () => {
    const response = await get(`/v1/operations/${operationId}/logs:watch`, { 'last-event-id': 'a0' });
    expect(await response.text()).toMatch(/^id: a2\ndata: .*"two".*\n\nevent: end/);
    expect(asked()).toMatchObject({ after: 'a0' });
  });

  test('answers with the problem when it fails before it says anything', async () => {
    const response = await get(`${events}?resource_id=nobody`);
    expect([response.status, response.headers.get('content-type'), response.headers.get('www-authenticate')]).toEqual([
      401,
      'application/problem+json',
      'Bearer',
    ]);
  });

  test('says what broke it', async () => {
    const text = await (await get(`${events}?resource_id=breaks`)).text();
    expect(text).toMatch(/event: error\ndata: \{.*"status":404.*\}\n\n$/);
  });

  test('ends the call when the client leaves', async () => {
    const leaving = new AbortController();
    const response = await fetch(`${origin.url}${events}?after=1`, { signal: leaving.signal });
    const reader = response.body!.getReader();
    await reader.read();
    const [signal] = origin.open;
    expect(signal?.aborted).toBe(false);
    const aborted = new Promise((resolve) => signal?.addEventListener('abort', resolve));
    leaving.abort();
    await aborted;
    expect(origin.open.size).toBe(0);
  });
});

test('the OpenAPI document covers the routes and resolves its references', async () => {
  const document = (await (await get('/v1/openapi.json')).json()) as {
    openapi: string;
    paths: Record<string, Record<string, { parameters: { name: string; in: string }[] }>>;
    components: { schemas: object };
  };
  expect(document.openapi).toBe('3.1.0');
  const list = document.paths['/v1/organizations/{org_id}/templates']?.['get'];
  expect(list?.parameters.map((p) => `${p.in} ${p.name}`)).toEqual([
    'path org_id',
    'query name',
    'query page.size',
    'query page.token',
    'query order_by',
  ]);
  const wanted = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name]) => name,
  );
  expect(wanted.filter((name) => !Object.hasOwn(document.components.schemas, name ?? ''))).toEqual([]);
});

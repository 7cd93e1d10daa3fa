import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toJsonString } from '@bufbuild/protobuf';
import { Access, Idempotency } from '@truffle/api/options/v1/method';
import { rulesOf } from '@truffle/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everyMethod, requestOf } from './contract.fixture.ts';
import { emailOf, password, startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let routes: readonly (readonly [verb: string, path: string])[];
const pages = mkdtempSync(join(tmpdir(), 'truffle-pages-'));

beforeAll(async () => {
  mkdirSync(join(pages, 'assets'));
  writeFileSync(join(pages, 'index.html'), '<!doctype html><title>console</title>');
  writeFileSync(join(pages, 'assets', 'app-1.js'), 'export {}');
  plane = await startControlPlane('acme', { TRUFFLE_CONSOLE_DIR: pages });
  const { body } = await ask('GET', '/v1/openapi.json');
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, unknown>> };
  routes = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((verb) => [verb.toUpperCase(), path.replaceAll(/\{[^}]+\}/g, 'x')] as const),
  );
}, 120_000);

afterAll(async () => {
  await plane?.close();
  rmSync(pages, { recursive: true, force: true });
}, 60_000);

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** As a browser or program asks; a stream is left after its head. */
function ask(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const length = { 'content-length': String(Buffer.byteLength(body)) };
  const all = body === '' ? headers : { ...headers, ...length };
  const call = httpRequest(new URL(path, plane.host.url), { method, headers: all }, (response) => {
    let text = '';
    const done = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', done);
    if (/event-stream|connect\+/.test(response.headers['content-type'] ?? '')) {
      done();
      call.destroy();
    }
  });
  call.on('error', reject);
  call.end(body);
  return promise;
}

const json = { 'content-type': 'application/json' };
const rpcOf = ([, service, method]: (typeof everyMethod)[number]): string => `/${service.typeName}/${method.name}`;

/** Every address that there is: each method by Connect and by REST, pages, and the process's own. */
async function everyAnswer(headers: Record<string, string>): Promise<ReadonlyMap<string, Answer>> {
  const answers = new Map<string, Answer>();
  for (const entry of everyMethod) {
    const request = toJsonString(
      entry[2].input,
      requestOf(entry[2].input, () => undefined),
    );
    const rpc = rpcOf(entry);
    answers.set(rpc, await ask('POST', rpc, { ...json, ...headers }, request));
  }
  for (const [verb, path] of routes)
    answers.set(`${verb} ${path}`, await ask(verb, path, { ...json, ...headers }, verb === 'GET' ? '' : '{}'));
  for (const path of [
    '/',
    '/assets/app-1.js',
    '/assets/none.js',
    '/healthz',
    '/readyz',
    '/metrics',
    '/v1/none',
    '/a.B/C',
  ])
    answers.set(`GET ${path}`, await ask('GET', path, headers));
  answers.set('not JSON', await ask('POST', '/v1/orgs/x/workspaces', { ...json, ...headers }, '{'));
  return answers;
}

describe.each([
  ['nobody', () => ({})],
  ['a member', () => ({ authorization: `Bearer ${plane.owner.token}` })],
])('every answer to %s', (_who, credential) => {
  let answers: ReadonlyMap<string, Answer>;
  beforeAll(async () => void (answers = await everyAnswer(credential())), 120_000);

  it('asks for TLS from now on, forbids frames and guessed types, and tells other sites nothing of where one was', () => {
    expect(answers.size).toBeGreaterThan(200);
    for (const [which, { headers }] of answers) {
      expect(headers['strict-transport-security'], which).toBe('max-age=63072000; includeSubDomains');
      expect(headers['x-content-type-options'], which).toBe('nosniff');
      expect(headers['referrer-policy'], which).toMatch(/^(no-referrer|same-origin)$/);
      const policy = String(headers['content-security-policy']);
      for (const directive of ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"])
        expect(policy, which).toContain(directive);
      expect(policy, which).not.toMatch(/script-src [^;]*(unsafe|\*|https?:|data:)/);
    }
  });

  it('is kept by no cache, but for the files of the console', () => {
    for (const [which, { headers }] of answers) {
      const kept = which === 'GET /assets/app-1.js' ? /^public, max-age=31536000, immutable$/ : /^no-(store|cache)$/;
      expect(headers['cache-control'], which).toMatch(kept);
      if (which.includes('/v1/') || which.startsWith('/truffle.'))
        expect(headers['cache-control'], which).toBe('no-store');
    }
  });

  it('names the type of its body, with its characters where it is text', () => {
    for (const [which, { headers, body }] of answers) {
      // The exporter of metrics names its own type; it writes ASCII.
      if (body === '' || which === 'GET /metrics') continue;
      const type = String(headers['content-type']);
      expect(type, which).toMatch(
        /^(application\/(problem\+)?json|application\/connect\+json|text\/[a-z]+; ?charset=utf-8|text\/event-stream)/i,
      );
      if (type.endsWith('json')) expect(() => JSON.parse(body) as unknown, which).not.toThrow();
    }
  });

  it('tells nothing of how it was made: no program, no version, no stack, no query', () => {
    for (const [which, { headers, body, status }] of answers) {
      for (const name of ['server', 'x-powered-by', 'via']) expect(headers[name], which).toBeUndefined();
      if (which === 'GET /metrics' || which === 'GET /v1/openapi.json') continue;
      expect(body, which).not.toMatch(
        /\n\s+at |node:internal|\.ts:\d|node_modules|\bselect .* from\b|relation "|postgres/i,
      );
      expect(status, `${which}: ${body}`).not.toBe(500);
    }
  });

  it('opens nothing to pages of other origins', () => {
    for (const [which, { headers }] of answers)
      for (const name of Object.keys(headers)) expect(name, which).not.toMatch(/^access-control-/);
  });
});

describe('a request that a page of another site can make without asking', () => {
  const cross = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };

  it('calls no method: not as a form, not as plain text, not without a type', { timeout: 120_000 }, async () => {
    for (const entry of everyMethod)
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']) {
        const headers = type === '' ? cross : { ...cross, 'content-type': type };
        const { status } = await ask('POST', rpcOf(entry), headers, '{}');
        expect([404, 405, 415], `${rpcOf(entry)} as ${type}: ${status}`).toContain(status);
      }
  });

  it('changes nothing by GET or HEAD, and may ask for nothing more', async () => {
    for (const entry of everyMethod) {
      if (rulesOf(entry[2]).idempotency === Idempotency.SAFE) continue;
      const query = `${rpcOf(entry)}?connect=v1&encoding=json&message=${encodeURIComponent('{}')}`;
      for (const verb of ['GET', 'HEAD']) expect([404, 405, 415], query).toContain((await ask(verb, query)).status);
    }
    for (const [verb, path] of routes)
      if (verb !== 'GET') {
        const preflight = { ...cross, 'access-control-request-method': verb };
        const { status, headers } = await ask('OPTIONS', path, preflight);
        expect([404, 405], path).toContain(status);
        expect(headers['access-control-allow-origin'], path).toBeUndefined();
      }
  });

  it('is refused with a cookie from elsewhere by every method that wants somebody', { timeout: 120_000 }, async () => {
    const { headers } = await ask(
      'POST',
      '/truffle.tenant.v1.AccountService/SignIn',
      { ...json, 'truffle-session': 'cookie', origin: plane.host.url },
      JSON.stringify({ email: emailOf('acme'), password }),
    );
    const cookie = String(headers['set-cookie']).split(';')[0] ?? '';
    for (const entry of everyMethod.filter(([, , method]) => rulesOf(method).access !== Access.ANONYMOUS)) {
      if (entry[2].methodKind !== 'unary') continue;
      const { status } = await ask('POST', rpcOf(entry), { ...json, ...cross, cookie }, '{}');
      expect(status, rpcOf(entry)).toBe(401);
    }
  });
});

describe('a method of HTTP', () => {
  it.each(['TRACE', 'PROPFIND', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
    'that nothing is served by, %s, is refused',
    async (verb) => {
      for (const path of ['/', '/healthz', '/v1/orgs', '/truffle.tenant.v1.AccountService/WhoAmI', '/assets/']) {
        const { status, body } = await ask(verb, path, { 'x-probe': 'reflected-text' });
        if (path === '/healthz') continue;
        expect([400, 404, 405, 415, 501], `${verb} ${path}: ${status}`).toContain(status);
        expect(body).not.toContain('reflected-text');
      }
    },
  );

  it('lists no folder and gives no hidden file', async () => {
    for (const path of ['/assets/', '/assets', '/.git/config', '/.env', '/package.json', '/assets/../package.json']) {
      const { body } = await ask('GET', path);
      expect(body, path).not.toMatch(/app-1\.js|\[core\]|"dependencies"/);
    }
  });
});

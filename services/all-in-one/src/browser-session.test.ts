import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
const pages = mkdtempSync(join(tmpdir(), 'truffle-pages-'));

beforeAll(async () => {
  mkdirSync(join(pages, 'assets'));
  writeFileSync(join(pages, 'index.html'), '<!doctype html><title>console</title>');
  writeFileSync(join(pages, 'assets', 'app-1.js'), 'export {}');
  plane = await startControlPlane('acme', { TRUFFLE_CONSOLE_DIR: pages });
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

/** As a browser asks: `fetch` of Node would set headers of its own. */
function ask(method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const call = httpRequest(new URL(path, plane.host.url), { method, headers }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
  });
  call.on('error', reject);
  call.end(body);
  return promise;
}

const rpc = (method: string, headers: Record<string, string>, body: object = {}): Promise<Answer> =>
  ask(
    'POST',
    `/truffle.tenant.v1.AccountService/${method}`,
    { 'content-type': 'application/json', 'connect-protocol-version': '1', ...headers },
    JSON.stringify(body),
  );

const wanted = { 'truffle-session': 'cookie' };

async function signIn(
  origin: string,
): Promise<{ readonly cookie: string; readonly whole: string; readonly body: string }> {
  const { headers, body } = await rpc('SignIn', { ...wanted, origin }, { email: emailOf('acme'), password });
  const [whole = ''] = headers['set-cookie'] ?? [];
  return { cookie: whole.split(';')[0] ?? '', whole, body };
}

describe("a browser's session", () => {
  it('is kept in a cookie that no script reads, and in nothing else', async () => {
    const { whole, body } = await signIn(plane.host.url);
    expect(whole).toMatch(/^truffle-session=tfs_[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/);
    expect(body).not.toContain('tfs_');
    expect(body).toContain(emailOf('acme'));
  });

  it('over TLS has a cookie that only this host can set', async () => {
    expect((await signIn('https://truffle.example')).whole).toMatch(/^__Host-truffle=tfs_[^;]+;.*; Secure$/);
  });

  it('is opened by a program as before', async () => {
    const { headers, body } = await rpc('SignIn', {}, { email: emailOf('acme'), password });
    expect(headers['set-cookie']).toBeUndefined();
    expect(body).toMatch(/tfs_/);
  });

  it.each([
    ['Sec-Fetch-Site says so', { 'sec-fetch-site': 'same-origin' }],
    ['Origin is this host', 'origin'],
  ])('serves its own pages: %s', async (_how, how) => {
    const { cookie } = await signIn(plane.host.url);
    const from = typeof how === 'string' ? { origin: plane.host.url } : how;
    expect(await rpc('WhoAmI', { cookie, ...from })).toMatchObject({ status: 200 });
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['another host of this site', { 'sec-fetch-site': 'same-site' }],
    ['an address that was typed', { 'sec-fetch-site': 'none' }],
    ['another origin of an old browser', { origin: 'https://evil.example' }],
    ['an origin that hides itself', { origin: 'null' }],
    ['nobody knows where', {}],
  ])('is nothing to a request of %s', async (_who, headers) => {
    const { cookie } = await signIn(plane.host.url);
    expect(await rpc('WhoAmI', { cookie, ...headers })).toMatchObject({ status: 401 });
    expect(await rpc('SignOut', { cookie, ...headers })).toMatchObject({ status: 401 });
    expect(await rpc('WhoAmI', { cookie, origin: plane.host.url })).toMatchObject({ status: 200 });
  });

  it('is refused like any credential when the cookie is rubbish', async () => {
    for (const cookie of [
      'truffle-session=tfs_nothing-of-this',
      'truffle-session=',
      'a',
      ';;=',
      `x=${'y'.repeat(4000)}`,
    ])
      expect(await rpc('WhoAmI', { cookie, origin: plane.host.url })).toMatchObject({ status: 401 });
  });

  it('ends with its cookie', async () => {
    const { cookie } = await signIn(plane.host.url);
    const { headers } = await rpc('SignOut', { ...wanted, cookie, origin: plane.host.url });
    expect(headers['set-cookie']).toEqual(['truffle-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0']);
    await expect.poll(() => rpc('WhoAmI', { cookie, origin: plane.host.url })).toMatchObject({ status: 401 });
  });
});

describe('the console', () => {
  it('is one page under every path, shown in no frame, with no script but its files', async () => {
    for (const path of ['/', '/o/acme/p/default/clusters', '/sign-in?next=/o/acme']) {
      const { status, headers, body } = await ask('GET', path, { accept: 'text/html' });
      expect({ status, body }).toEqual({ status: 200, body: '<!doctype html><title>console</title>' });
      expect(headers['content-security-policy']).toMatch(
        /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
      );
      expect(headers['cache-control']).toBe('no-cache');
    }
  });

  it('keeps files whose names change with their content', async () => {
    const { headers } = await ask('GET', '/assets/app-1.js', {});
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['content-type']).toMatch(/javascript/);
  });

  it('gives nothing from outside its folder', async () => {
    for (const path of ['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd'])
      expect((await ask('GET', path, {})).body).not.toContain('root:');
  });

  it('stands in no call’s way', async () => {
    expect((await ask('GET', '/healthz', {})).body).toBe('ok\n');
    expect((await ask('GET', '/v1/plans', {})).headers['content-type']).toMatch(/json/);
    expect(
      (await ask('GET', '/truffle.tenant.v1.AccountService/WhoAmI?connect=v1&encoding=json&message=%7B%7D', {})).status,
    ).toBe(401);
  });
});

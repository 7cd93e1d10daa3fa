import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AddressRanges } from './address.ts';
import { serveReleases } from './releases.ts';

const program = Buffer.alloc(300_000, 'p');
let folder: string;
let server: Server;
let url: string;
let now = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'truffle-releases-'));
  mkdirSync(join(folder, '1.2.3'));
  writeFileSync(join(folder, 'install.sh'), '#!/bin/sh\n');
  writeFileSync(join(folder, 'manifest'), 'truffle-agent-release 1\n');
  writeFileSync(join(folder, 'release.key.pem'), 'private');
  writeFileSync(join(folder, '1.2.3/linux-x64.gz'), program);
  symlinkSync(folder, join(folder, '1.2.4'));
  const releases = serveReleases({
    folder,
    trustedProxies: new AddressRanges(['127.0.0.1']),
    now: () => now,
    stallMs: 200,
  });
  server = createServer((request, response) => {
    if (!releases(request, response)) response.writeHead(418).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { headers });

describe('releases', () => {
  it('are served by path, and nothing else of the folder', async () => {
    const script = await get('/install.sh');
    expect(script.status).toBe(200);
    expect(script.headers.get('cache-control')).toBe('no-cache');
    expect(await script.text()).toBe('#!/bin/sh\n');
    expect((await get('/agent/manifest')).headers.get('content-type')).toBe('text/plain; charset=utf-8');
    for (const path of [
      '/agent/release.key.pem',
      '/release.key.pem',
      '/agent/1.2.3',
      '/agent/../release.key.pem',
      '/agent/1.2.3/release.key.pem',
      '/agents',
      '/',
    ])
      expect((await get(path)).status).toBe(418);
    for (const path of ['/agent/9.9.9/linux-x64.gz', '/agent/manifest.sig', '/agent/1.2.3/win-x64.gz'])
      expect((await get(path)).status).toBe(404);
    expect((await fetch(`${url}/install.sh`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${url}/install.sh`, { method: 'HEAD' })).headers.get('content-length')).toBe('10');
  });

  it('of a version are for ever, and come whole or in part', async () => {
    const path = '/agent/1.2.3/linux-x64.gz';
    const whole = await get(path);
    const tag = whole.headers.get('etag') ?? '';
    expect(whole.headers.get('cache-control')).toContain('immutable');
    expect(Buffer.from(await whole.arrayBuffer()).equals(program)).toBe(true);
    expect((await get(path, { 'if-none-match': tag })).status).toBe(304);
    const rest = await get(path, { range: 'bytes=299990-', 'if-range': tag });
    expect(rest.status).toBe(206);
    expect(rest.headers.get('content-range')).toBe('bytes 299990-299999/300000');
    expect((await rest.arrayBuffer()).byteLength).toBe(10);
    expect((await (await get(path, { range: 'bytes=0-4' })).arrayBuffer()).byteLength).toBe(5);
    expect((await (await get(path, { range: 'bytes=-7' })).arrayBuffer()).byteLength).toBe(7);
    expect((await get(path, { range: 'bytes=300000-' })).status).toBe(416);
    // What was begun is of another file.
    utimesSync(join(folder, '1.2.3/linux-x64.gz'), 1, 1);
    expect((await get(path, { range: 'bytes=299990-', 'if-range': tag })).status).toBe(200);
  });

  it('are not held by a reader that stands still', async () => {
    writeFileSync(join(folder, '1.2.3/linux-arm64.gz'), Buffer.alloc(64 * 1024 * 1024));
    const closed = new Promise<void>((done) =>
      server.once('connection', (socket) => socket.once('close', () => done())),
    );
    const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
    reader.on('error', () => undefined);
    reader.write('GET /agent/1.2.3/linux-arm64.gz HTTP/1.1\r\nhost: x\r\n\r\n');
    reader.pause();
    await closed;
    reader.destroy();
  });

  it('are for nobody to ask for without end, and the budget comes back', async () => {
    const from = { 'x-forwarded-for': '203.0.113.9' };
    const answers = [];
    for (let n = 0; n < 250; n++) answers.push((await get('/agent/manifest', from)).status);
    expect(answers.slice(0, 240).every((status) => status === 200)).toBe(true);
    const refused = await get('/agent/manifest', from);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await get('/agent/manifest', { 'x-forwarded-for': '203.0.113.10' })).status).toBe(200);
    now += 60_000;
    expect((await get('/agent/manifest', from)).status).toBe(200);
  });
});

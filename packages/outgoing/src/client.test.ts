import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OutgoingClient, fetchOver, type OutgoingClientOptions } from './index.ts';

const seen: { readonly url: string; readonly headers: http.IncomingHttpHeaders; readonly body: string }[] = [];
let server: http.Server;
let port = 0;

/** Answers by path; what it was asked is in `seen`. */
beforeAll(async () => {
  server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      seen.push({ url: request.url ?? '', headers: request.headers, body });
      const url = new URL(request.url ?? '', 'http://x');
      const to = url.searchParams.get('to');
      if (to !== null) return response.writeHead(Number(url.pathname.slice(1)) || 302, { location: to }).end();
      if (url.pathname === '/large') return response.end('x'.repeat(2_000_000));
      if (url.pathname === '/bomb')
        return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(9_000_000)));
      if (url.pathname === '/never') return response.write('a');
      if (url.pathname === '/breaks')
        return response.writeHead(200, { 'content-length': '10' }).write('a', () => response.destroy());
      if (url.pathname === '/headers') return response.writeHead(200, { big: 'x'.repeat(40_000) }).end();
      return response.end('hello');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const open = (options: OutgoingClientOptions = {}): OutgoingClient =>
  new OutgoingClient({ allow: ['127.0.0.1'], ...options });
const at = (path: string): string => `http://127.0.0.1:${port}${path}`;

describe('an address that is not public', () => {
  const strict = new OutgoingClient({ resolve: () => Promise.reject(new Error('it was looked up')) });
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://0x7f.1/',
    'http://127.0.0.1./',
    'http://127.255.255.254/',
    'http://0.0.0.0/',
    'http://0/',
    'http://10.0.0.1/',
    'http://012.0.0.1/',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.168.1.1/',
    'http://192.168.257/',
    'http://3232235777/',
    'http://100.64.0.1/',
    'http://100.100.100.200/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://168.63.129.16/',
    'http://192.0.0.192/',
    'http://192.0.2.1/',
    'http://198.18.0.1/',
    'http://198.51.100.7/',
    'http://203.0.113.9/',
    'http://192.88.99.1/',
    'http://224.0.0.1/',
    'http://239.255.255.250/',
    'http://240.0.0.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://[64:ff9b:1::1]/',
    'http://[2002:7f00:1::]/',
    'http://[2002:a9fe:a9fe::1]/',
    'http://[2001::1]/',
    'http://[2001:db8::1]/',
    'http://[fc00::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fd12:3456::1]/',
    'http://[fe80::1]/',
    'http://[febf::1]/',
    'http://[fec0::1]/',
    'http://[ff02::1]/',
    'http://[100::1]/',
    'http://[3fff::1]/',
    'http://[5f00::1]/',
    'http://①②⑦.⓪.⓪.①/',
    'http://127。0。0。1/',
    'http://１２７.0.0.1/',
    'http://%31%32%37.0.0.1/',
  ])('%s is refused without a look', async (url) => {
    await expect(strict.request(url)).rejects.toMatchObject({ name: 'OutgoingRefusedError', reason: 'NOT_PUBLIC' });
  });

  it.each([
    ['http://user:secret@example.com/', 'CREDENTIALS'],
    ['http://127.0.0.1@example.com/', 'CREDENTIALS'],
    ['ftp://example.com/', 'SCHEME'],
    ['file:///etc/passwd', 'SCHEME'],
    ['gopher://127.0.0.1:6379/_INFO', 'SCHEME'],
    ['data:text/plain,x', 'SCHEME'],
    ['http://example.com:22/', 'PORT'],
    ['http://example.com:6379/', 'PORT'],
    ['http://', 'URL'],
    ['http://[fe80::1%25eth0]/', 'URL'],
    ['http://256.0.0.1/', 'URL'],
    ['//example.com', 'URL'],
    [`http://example.com/${'a'.repeat(3000)}`, 'URL'],
  ])('%s is no place to ask: %s', async (url, reason) => {
    await expect(strict.request(url)).rejects.toMatchObject({ name: 'OutgoingRefusedError', reason });
  });

  it.each(['127.0.0.1', '169.254.169.254', '10.1.2.3', '::1', '::ffff:10.0.0.1', 'fd00::1'])(
    'is refused behind a name too: %s',
    async (address) => {
      const client = new OutgoingClient({
        resolve: () => Promise.resolve([{ address, family: address.includes(':') ? 6 : 4 }]),
      });
      await expect(client.request('http://rebind.example/')).rejects.toMatchObject({ reason: 'NOT_PUBLIC' });
    },
  );

  it('is refused among public ones', async () => {
    const resolve = () =>
      Promise.resolve([
        { address: '93.184.215.14', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    await expect(new OutgoingClient({ resolve }).request('http://mixed.example/')).rejects.toMatchObject({
      reason: 'NOT_PUBLIC',
    });
  });
});

describe('a name that changes its mind', () => {
  it('is connected to at the address that was looked at, and looked at again for the next request', async () => {
    const answers = ['127.0.0.1', '127.0.0.2'];
    let asked = 0;
    const client = open({ resolve: () => Promise.resolve([{ address: answers[asked++] ?? '', family: 4 }]) });
    // The port of the test's server is let through with its address only, so the name stands for it by its host.
    const named = open({
      allow: ['127.0.0.1', 'moves.example'],
      resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    expect((await named.request(`http://moves.example:${port}/`)).body.toString()).toBe('hello');
    expect(seen.at(-1)?.headers.host).toBe(`moves.example:${port}`);
    await expect(client.request('http://moves.example/')).rejects.toMatchObject({ reason: 'UNREACHABLE' });
    expect(asked).toBe(1);
    await expect(client.request('http://moves.example/')).rejects.toMatchObject({ reason: 'NOT_PUBLIC' });
    expect(asked).toBe(2);
  });
});

describe('an answer that sends on', () => {
  it.each([
    'http://169.254.169.254/',
    'http://[::1]/',
    'file:///etc/passwd',
    'http://127.0.0.2/',
    '//10.0.0.1/x',
    'http://a:b@example.com/',
  ])('is not followed to %s', async (to) => {
    await expect(open().request(at(`/?to=${encodeURIComponent(to)}`))).rejects.toMatchObject({
      name: 'OutgoingRefusedError',
    });
  });

  it('is followed to what may be asked, a few times, and takes no credential to another origin', async () => {
    const client = open({
      allow: ['127.0.0.1', 'other.example'],
      resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    const to = encodeURIComponent(`http://other.example:${port}/end`);
    const answer = await client.request(at(`/?to=${to}`), { headers: { Authorization: 'Bearer x', 'x-kept': '1' } });
    expect(answer).toMatchObject({ status: 200, url: `http://other.example:${port}/end` });
    expect(seen.at(-1)?.headers.authorization).toBeUndefined();
    expect(seen.at(-1)?.headers['x-kept']).toBe('1');
    const loop = encodeURIComponent('/?to=%2F%3Fto%3D%252F%253Fto%253D%25252F%25253Fto%25253D%252525252F');
    await expect(client.request(at(`/?to=${loop}`))).rejects.toMatchObject({ reason: 'REDIRECTS' });
  });

  it('is given back as it is to who wants no going on', async () => {
    expect(await open().request(at('/?to=/end'), { redirects: 0 })).toMatchObject({ status: 302 });
    expect(await open().request(at('/?to=/end'), { method: 'POST', body: 'x' })).toMatchObject({ status: 302 });
  });

  it('keeps a POST with 307 and makes it a GET with 303', async () => {
    await open().request(at('/307?to=/end'), { method: 'POST', body: 'kept', redirects: 1 });
    expect(seen.at(-1)).toMatchObject({ url: '/end', body: 'kept' });
    await open().request(at('/303?to=/end'), { method: 'POST', body: 'gone', redirects: 1 });
    expect(seen.at(-1)).toMatchObject({ url: '/end', body: '' });
  });
});

describe('an answer', () => {
  it.each([
    ['/large', 'TOO_LARGE'],
    ['/bomb', 'ENCODING'],
    ['/never', 'TIMEOUT'],
    ['/breaks', 'UNREACHABLE'],
    ['/headers', 'UNREACHABLE'],
  ])('%s ends as %s', async (path, reason) => {
    await expect(open().request(at(path), { timeoutMs: 500 })).rejects.toMatchObject({
      name: 'OutgoingFailedError',
      reason,
    });
  });

  it('is not taken from a proxy that the environment names', async () => {
    process.env['http_proxy'] = 'http://127.0.0.1:1';
    try {
      expect((await open().request(at('/'))).status).toBe(200);
    } finally {
      delete process.env['http_proxy'];
    }
  });

  it('comes through fetch for libraries that want one', async () => {
    const answer = await fetchOver(open())(at('/x'), { method: 'POST', body: 'a=1' });
    expect([answer.status, await answer.text(), seen.at(-1)?.body]).toEqual([200, 'hello', 'a=1']);
    await expect(fetchOver(open())('http://10.0.0.1/')).rejects.toMatchObject({ reason: 'NOT_PUBLIC' });
  });
});

it.each([['10.0.0.0/33'], ['10.0.0.0/x'], ['not a host'], ['http://a']])(
  'says what is wrong with the entry %s',
  (entry) => {
    expect(() => new OutgoingClient({ allow: [entry] })).toThrow(/no (range|address)/);
  },
);

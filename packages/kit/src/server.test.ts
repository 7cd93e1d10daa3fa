import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenOrigin, type OriginServer } from './server.ts';

let origin: OriginServer;

beforeEach(async () => {
  origin = await listenOrigin(
    (request, response) => {
      const answer = `${request.httpVersion} ${request.method} ${request.url}`;
      (response as http.ServerResponse).end(answer);
    },
    { host: '127.0.0.1', port: 0, firstBytesWithinMs: 200 },
  );
});

afterEach(() => origin.close(100));

const dial = (): net.Socket => net.connect({ host: '127.0.0.1', port: origin.port, noDelay: true });

async function readAll(socket: net.Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

/** Writes one byte at a time, each in its own packet. */
async function trickle(socket: net.Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    await new Promise<void>((resolve) => socket.write(Buffer.of(byte), () => resolve()));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function askOverTwo(session: http2.ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ':path': path });
  stream.setEncoding('utf8');
  let body = '';
  for await (const chunk of stream) body += chunk;
  return body;
}

describe('one port', () => {
  test('speaks HTTP/1.1, and keeps the connection', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const answers: string[] = [];
    for (const path of ['/a', '/b']) {
      const response = await fetchWith(agent, path);
      answers.push(response);
    }
    agent.destroy();
    expect(answers).toEqual(['1.1 GET /a', '1.1 GET /b']);
  });

  test('speaks HTTP/2 with prior knowledge, many streams at once', async () => {
    const session = http2.connect(`http://127.0.0.1:${origin.port}`);
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`);
    const answers = await Promise.all(paths.map((path) => askOverTwo(session, path)));
    session.close();
    expect(answers).toEqual(paths.map((path) => `2.0 GET ${path}`));
  });

  test('knows the HTTP/2 preface one byte at a time', async () => {
    const socket = dial();
    await once(socket, 'connect');
    const session = http2.connect('http://127.0.0.1', { createConnection: () => slowly(socket) });
    expect(await askOverTwo(session, '/slow')).toBe('2.0 GET /slow');
    session.destroy();
  });

  test('knows HTTP/1.1 one byte at a time, and methods that start like the preface', async () => {
    for (const method of ['POST', 'PROPFIND']) {
      const socket = dial();
      await trickle(
        socket,
        Buffer.from(`${method} /y HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
      );
      expect(await readAll(socket)).toContain(`1.1 ${method} /y`);
    }
  });

  test('tells TLS that it is at the wrong place, and lives on', async () => {
    const socket = dial();
    socket.write(Buffer.from('1603010200010001fc0303', 'hex'));
    expect(await readAll(socket)).toContain('HTTP/1.1 400');
    expect(await fetchWith(new http.Agent(), '/after')).toBe('1.1 GET /after');
  });

  test.each(['', 'P', 'PRI *'])('closes a connection that says only "%s"', async (first) => {
    const socket = dial();
    socket.write(first);
    expect(await readAll(socket)).toBe('');
  });

  test('closes at once when every connection is idle', async () => {
    const agent = new http.Agent({ keepAlive: true });
    await fetchWith(agent, '/');
    const session = http2.connect(`http://127.0.0.1:${origin.port}`);
    await askOverTwo(session, '/');
    const began = performance.now();
    await origin.close(10_000);
    expect(performance.now() - began).toBeLessThan(2_000);
    agent.destroy();
  });
});

function fetchWith(agent: http.Agent, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port: origin.port, path, agent }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve(body));
      })
      .on('error', reject);
  });
}

/** A socket that passes the first 24 bytes (the preface) on one by one. */
function slowly(socket: net.Socket): net.Socket {
  const front = net.createServer((inner) => {
    let queue = Promise.resolve();
    let left = 24;
    inner.on('data', (chunk: Buffer) => {
      const slow = chunk.subarray(0, left);
      left -= slow.length;
      queue = queue.then(() => trickle(socket, slow)).then(() => void socket.write(chunk.subarray(slow.length)));
    });
    socket.on('data', (chunk) => inner.write(chunk));
    inner.on('error', () => undefined);
    inner.on('close', () => {
      socket.destroy();
      front.close();
    });
  });
  front.listen(0, '127.0.0.1');
  const outer = new net.Socket();
  front.once('listening', () => outer.connect((front.address() as net.AddressInfo).port, '127.0.0.1'));
  return outer;
}

describe('a body that does not end', () => {
  const slow = () =>
    listenOrigin((request) => void request.resume(), { host: '127.0.0.1', port: 0, bodyWithinMs: 100 });

  test('over HTTP/1.1 costs its connection', async () => {
    const own = await slow();
    const socket = net.connect({ host: '127.0.0.1', port: own.port });
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx');
    socket.resume();
    await once(socket, 'close');
    await own.close(100);
  });

  test('over HTTP/2 costs its stream', async () => {
    const own = await slow();
    const session = http2.connect(`http://127.0.0.1:${own.port}`);
    const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false });
    stream.write('x');
    stream.on('error', () => undefined);
    await once(stream, 'close');
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
    session.close();
    await own.close(100);
  });
});

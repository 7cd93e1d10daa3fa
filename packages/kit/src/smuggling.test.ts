import { once } from 'node:events';
import type http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { JsonObject } from '@bufbuild/protobuf';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidProblem } from './problem.ts';
import { compileRoutes, matchRoute, requestJson } from './rest.route.ts';
import { listenOrigin, type OriginServer } from './server.ts';

let origin: OriginServer;
const seen: string[] = [];

beforeAll(async () => {
  origin = await listenOrigin(
    (request, response) => {
      void (async () => {
        let body = '';
        try {
          for await (const chunk of request as http.IncomingMessage) body += String(chunk);
        } catch {
          return;
        }
        seen.push(`${request.method} ${request.url} ${body}`);
        (response as http.ServerResponse).end('answered');
      })();
    },
    { host: '127.0.0.1', port: 0 },
  );
});

afterAll(() => origin.close(100));

/** What the port says to `text`, until it closes; the client closes its half behind it. */
async function answerTo(text: string): Promise<string> {
  const socket = net.connect({ host: '127.0.0.1', port: origin.port });
  let said = '';
  socket.on('data', (data: Buffer) => (said += data.toString('latin1')));
  socket.on('error', () => undefined);
  socket.end(Buffer.from(text, 'latin1'));
  await once(socket, 'close');
  return said;
}

const inner = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n';

describe('where a message ends', () => {
  test.each<[string, string]>([
    [
      'a length and chunks',
      `POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: ${inner.length + 5}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    ],
    [
      'chunks and a length',
      `POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n${inner}`,
    ],
    [
      'two lengths',
      `POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: ${inner.length}\r\n\r\n${inner}`,
    ],
    ['a length that is none', `POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: +0\r\n\r\n${inner}`],
    ['an encoding that is none', `POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`],
    ['an encoding in disguise', `POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n${inner}`],
    [
      'a header over two lines',
      `POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding:\r\n chunked\r\ncontent-length: 0\r\n\r\n${inner}`,
    ],
    ['a bare line feed', `POST /a HTTP/1.1\nhost: x\ncontent-length: 0\n\n${inner}`],
    ['a chunk of no size', `POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n${inner}`],
    ['a NUL in a header', `GET /a HTTP/1.1\r\nhost: x\r\nx-a: \0\r\n\r\n${inner}`],
  ])('is not left open by %s: nothing behind it is a request', async (_name, text) => {
    seen.length = 0;
    const said = await answerTo(text);
    expect(said).toMatch(/^(HTTP\/1\.1 400 Bad Request[^]*)?$/);
    expect(seen.filter((each) => each.includes('/smuggled'))).toEqual([]);
  });

  test('is by its chunks or its length, and the next request on a connection is its own', async () => {
    seen.length = 0;
    await answerTo(
      `POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n${inner.replace('smuggled', 'next')}`,
    );
    expect(seen.toSorted()).toEqual(['GET /next ', 'POST /a hi']);
  });

  test('over HTTP/2 is where its stream ends, and a length that says otherwise costs the stream', async () => {
    seen.length = 0;
    const session = http2.connect(`http://127.0.0.1:${origin.port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/two', 'content-length': '100' });
    stream.on('error', () => undefined);
    stream.end('short');
    await new Promise((resolve) => stream.on('close', resolve));
    session.destroy();
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_PROTOCOL_ERROR);
  });
});

describe('a parameter', () => {
  const routes = compileRoutes([TemplateService]);
  const asked = (query: string, body?: JsonObject) => {
    const match = matchRoute(routes, 'GET', `/v1/organizations/org_${'0'.repeat(26)}/templates`);
    if ('verbs' in match) throw new TypeError('there is no such route');
    return requestJson(match.route, match.path, new URLSearchParams(query), body);
  };

  test('is taken once: twice, unknown or of another place it is refused', () => {
    expect(asked('name=a')).toMatchObject({ name: 'a' });
    for (const query of [
      'name=a&name=b',
      'page.size=1&page.size=2',
      'nothing=1',
      '__proto__=1',
      'constructor.name=x',
      'toString=1',
    ])
      expect(() => asked(query), query).toThrow(InvalidProblem);
  });

  test('of the path wins over one of the query', () => {
    expect(asked(`org_id=org_${'1'.repeat(26)}`)).toEqual({ orgId: `org_${'0'.repeat(26)}` });
  });
});

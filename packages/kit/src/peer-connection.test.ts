import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PeerConnection } from './peer-connection.ts';

let server: http2.Http2Server;
let newest: ServerHttp2Session | undefined;

beforeAll(async () => {
  server = http2.createServer((_request, response) => response.end('here'));
  server.on('session', (session) => (newest = session));
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterAll(() => {
  newest?.destroy();
  server.close();
});

it('outlives a peer that says goodbye on an idle connection just before the next request is made', async () => {
  const peer = new PeerConnection(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const first = await peer.request('GET', '/', {}, {});
  const old = first.session as ClientHttp2Session;
  expect(await text(first)).toBe('here');
  const closed = new Promise((done) => old.once('close', done));
  newest?.goaway();
  await once(old, 'goaway');
  // Connect destroys the old connection now, and lets go of it as this request opens another.
  expect(await text(await peer.request('GET', '/', {}, {}))).toBe('here');
  // Without a listener the error of the old one is raised here, and Vitest fails the run.
  await closed;
  expect(old.listenerCount('error')).toBe(1);
});

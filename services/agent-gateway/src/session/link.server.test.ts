import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { create, toBinary } from '@bufbuild/protobuf';
import { AgentLinkService, HelloSchema, LinkRequestSchema } from '@truffle/api/agent/v1/link';
import { testDatabase, testEngines, until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverName } from '../authority/authority.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { enrolPeer, Peer, type PeerKeys } from '../testing/peer.ts';
import { makeWorld, type Running, type World } from '../testing/world.ts';
import { serveLinks, type LinkServer } from './link.server.ts';

let world: World;
let one: Running;
let server: LinkServer;
let keys: PeerKeys;
/** Streams that came to the gateway. */
let taken = 0;

beforeAll(async () => {
  world = await makeWorld(await testDatabase([agentGatewayMigrations]), testEngines().natsUrl);
  one = await world.startGateway();
  const { authorities } = world.enrollment;
  server = await serveLinks({
    host: '127.0.0.1',
    port: 0,
    authority: authorities.pem,
    ...(await authorities.issueServer(['127.0.0.1'])),
    take: (call, identity) => {
      taken++;
      one.gateway.take(call, identity);
    },
    demandAddress: () => Promise.resolve(),
    renew: () => Promise.reject(new Error('nothing is renewed here')),
    syncSealingKey: () => Promise.reject(new Error('nothing is published here')),
    reportMetrics: () => Promise.reject(new Error('nothing is published here')),
    checkUpdate: () => Promise.reject(new Error('nothing is published here')),
    handshakeMs: 200,
    idleMs: 300,
  });
  keys = await enrolPeer(world, 'staller');
});
afterAll(async () => {
  server?.close();
  await world?.close();
});

const tls = () => ({
  host: '127.0.0.1',
  port: server.port,
  ca: world.enrollment.authorities.pem,
  cert: keys.certificate,
  key: keys.key,
  servername: serverName,
  ALPNProtocols: ['h2'],
});
const path = `/${AgentLinkService.typeName}/Link`;

describe('a peer that stalls loses its connection', () => {
  it('in the TLS handshake', async () => {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.resume();
    await once(socket, 'close');
  });

  it('before its first stream', async () => {
    const session = http2.connect(`https://127.0.0.1:${server.port}`, { createConnection: () => connectTls(tls()) });
    await once(session, 'connect');
    await once(session, 'close');
  });
});

/** A Hello as it goes over the wire: a byte for no compression and four for its length before it. */
function helloBytes(): Buffer {
  const hello = create(HelloSchema, { protocolMin: 1, protocolMax: 1, incarnation: randomUUID(), version: '0.0.0' });
  const frame = create(LinkRequestSchema, { frame: { case: 'hello', value: hello } });
  const message = toBinary(LinkRequestSchema, frame);
  const length = Buffer.alloc(5);
  length.writeUInt32BE(message.length, 1);
  return Buffer.concat([length, message]);
}

it.each([
  ['at once', undefined],
  ['after a Hello each', helloBytes()],
])('a peer that resets stream after stream %s loses its connection soon, and no other does', async (_when, bytes) => {
  const { authorities } = world.enrollment;
  const honest = new Peer(await enrolPeer(world, `beside-resets-${bytes === undefined}`), authorities.pem);
  const stream = honest.dial(`127.0.0.1:${server.port}`);
  await until('the honest agent', () => stream.last('welcome'));
  const session = http2.connect(`https://127.0.0.1:${server.port}`, { createConnection: () => connectTls(tls()) });
  session.on('error', () => undefined);
  await once(session, 'connect');
  const before = taken;
  let opened = 0;
  while (!session.closed && !session.destroyed && opened < 5_000) {
    for (let i = 0; i < 20 && !session.closed && !session.destroyed; i++, opened++) {
      const request = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
      request.on('error', () => undefined);
      const reset = (): void => request.close(http2.constants.NGHTTP2_CANCEL);
      if (bytes === undefined) reset();
      else request.write(bytes, reset);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until('the end of the connection', () => session.closed || session.destroyed);
  expect(opened).toBeLessThan(5_000);
  // 50 at once and 5 a second, whatever is sent.
  expect(taken - before).toBeLessThan(100);
  expect(stream.ended).toBe(false);
  const another = new Peer(await enrolPeer(world, `after-resets-${bytes === undefined}`), authorities.pem);
  const fresh = another.dial(`127.0.0.1:${server.port}`);
  await until('another honest agent', () => fresh.last('welcome'));
  expect(stream.ended).toBe(false);
  stream.close();
  fresh.close();
});

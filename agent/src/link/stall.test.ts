import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { startAgent } from '../testing/agent.ts';
import { testFolder } from '../testing/folder.ts';
import { framesOf, gatewayName, startGateway } from '../testing/gateway.ts';
import { newAuthority, type Authority } from '../testing/pki.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { dialMs, welcomeMs } from './session.ts';

/** Where something listens; and a promise of its first connection. */
async function listening(server: Server): Promise<{ readonly endpoint: string; readonly met: Promise<unknown> }> {
  const sockets: { destroy(): void }[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  const met = once(server, server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`, met };
}

const silentTls = async (authority: Authority): Promise<Server> => {
  const { certificate, key } = await authority.issue(gatewayName);
  const options = { cert: certificate, key, ca: authority.certificate, requestCert: true, ALPNProtocols: ['h2'] };
  return createTlsServer(options, (socket) => socket.on('error', () => undefined));
};

test.each([
  ['in the TLS handshake', () => Promise.resolve(createServer())],
  ['after the TLS handshake', silentTls],
] as const)('a gateway that stalls %s is left for the next one in time', async (_where, make) => {
  const authority = await newAuthority();
  const stalled = await listening(await make(authority));
  const good = await startGateway(authority);
  const clock = new VirtualClock();
  await startAgent({ folder: testFolder(), authority, endpoints: [stalled.endpoint, good.endpoint], clock });
  await clock.pass(1);
  await stalled.met;
  await clock.pass(dialMs - 100);
  expect(good.visits).toHaveLength(0);
  await clock.pass(1_100);
  await good.until(() => good.visits[0] !== undefined && framesOf(good.visits[0], 'ready').length > 0);
});

test('a gateway that says nothing after Hello is left in time', async () => {
  const authority = await newAuthority();
  const [mute, good] = [await startGateway(authority), await startGateway(authority)];
  mute.greet = () => undefined;
  const clock = new VirtualClock();
  await startAgent({ folder: testFolder(), authority, endpoints: [mute.endpoint, good.endpoint], clock });
  await clock.pass(1);
  const visit = await mute.until(() => mute.visits.find((each) => framesOf(each, 'hello').length > 0));
  await clock.pass(welcomeMs - 100);
  expect(good.visits).toHaveLength(0);
  await clock.pass(1_100);
  await good.until(() => good.visits[0] !== undefined && framesOf(good.visits[0], 'ready').length > 0);
  await mute.until(() => visit.over);
});

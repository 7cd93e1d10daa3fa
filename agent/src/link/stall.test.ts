import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import pino from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startAgent } from '../testing/agent.ts';
import { testFolder } from '../testing/folder.ts';
import { framesOf, gatewayName, startGateway } from '../testing/gateway.ts';
import { newAuthority, type Authority } from '../testing/pki.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { welcomeMs } from './session.ts';

// Else names are resolved by the system, which cannot be pointed at a name server of the test; read when grpc-js is loaded.
vi.hoisted(() => (process.env['GRPC_NODE_USE_ALTERNATIVE_RESOLVER'] = 'true'));

/** Where something listens that says nothing. */
async function listening(server: Server): Promise<string> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Line {
  readonly msg: string;
  readonly step?: string;
  readonly why?: string;
}

/** What an agent says in its log. */
class Said {
  readonly #awaited: { readonly is: (line: Line) => boolean; readonly heard: (line: Line) => void }[] = [];
  readonly log = pino({ level: 'debug' }, { write: (text) => this.#hear(JSON.parse(text) as Line) });

  /** The next line that `is` holds of. */
  when(is: (line: Line) => boolean): Promise<Line> {
    return new Promise((heard) => void this.#awaited.push({ is, heard }));
  }

  #hear(line: Line): void {
    for (const { is, heard } of this.#awaited) if (is(line)) heard(line);
  }
}

type Stall = (authority: Authority) => Promise<string>;

/** A name server that answers nothing; an endpoint that asks it. */
const inDns: Stall = async () => {
  const server = createSocket('udp4');
  onTestFinished(() => void server.close());
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  return `dns://127.0.0.1:${server.address().port}/gateway.example:7443`;
};

/** A listener whose process stands still and whose queue is full: the kernel answers no further connection. */
const inTcp: Stall = async () => {
  const program = `const s = require('net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const held: Socket[] = [];
  onTestFinished(() => {
    for (const socket of held) socket.destroy();
    child.kill('SIGKILL');
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGSTOP');
  const port = Number(String(line));
  // A backlog of one holds two.
  for (let i = 0; i < 2; i++) {
    const socket = connect(port, '127.0.0.1');
    held.push(socket);
    await once(socket, 'connect');
  }
  return `127.0.0.1:${port}`;
};

const inTls: Stall = () => listening(createServer());

const inHttp2: Stall = async (authority) => {
  const { certificate, key } = await authority.issue(gatewayName);
  const options = { cert: certificate, key, ca: authority.certificate, requestCert: true, ALPNProtocols: ['h2'] };
  return listening(createTlsServer(options, (socket) => socket.on('error', () => undefined)));
};

test.each([
  ['dns', 5_000, inDns, /^DNS: /],
  ['tcp', 10_000, inTcp, /^TCP: /],
  ['tls', 30_000, inTls, /^TLS: /],
  ['http2', 10_000, inHttp2, /^HTTP\/2: /],
] as const)(
  'a gateway that stalls at %s is left after %d ms, with a word of where, for the next one',
  async (step, ms, stall, why) => {
    const authority = await newAuthority();
    const stalled = await stall(authority);
    const good = await startGateway(authority);
    const clock = new VirtualClock();
    const said = new Said();
    const there = said.when((line) => line.msg === 'dialling' && (line.step ?? 'dns') === step);
    await startAgent({ folder: testFolder(), authority, endpoints: [stalled, good.endpoint], clock, log: said.log });
    await clock.pass(1);
    await there;
    const left = said.when((line) => line.msg === 'closing stream');
    await clock.pass(ms - 100);
    expect(good.visits).toHaveLength(0);
    await clock.pass(1_100);
    expect((await left).why).toMatch(why);
    await good.until(() => good.visits[0] !== undefined && framesOf(good.visits[0], 'ready').length > 0);
  },
);

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

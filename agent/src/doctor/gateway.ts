import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Identity } from '../identity/identity.ts';
import { failed, ok, reasonOf, skipped, warning, type Check } from './check.ts';
import { dialTcp, issuerOf, shakeHands, within, type Shown } from './dial.ts';

const unimplemented = '12';
const hourMs = 3_600_000;

/** Each gateway as the agent dials it: name, connection, mutual TLS, HTTP/2 and gRPC. */
export async function checkGateways(identity: Identity, endpoints: readonly string[]): Promise<readonly Check[]> {
  if (endpoints.length === 0)
    return [failed('gateway', 'none is known', 'Enrol anew: truffle-agent reset --yes, then enroll.')];
  return (await Promise.all(endpoints.map((endpoint) => checkGateway(identity, endpoint)))).flat();
}

async function checkGateway(identity: Identity, endpoint: string): Promise<readonly Check[]> {
  const what = `gateway ${endpoint}`;
  const colon = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, colon).replace(/^\[|\]$/g, '');
  const { checks, socket } = await dialTcp(what, host, Number(endpoint.slice(colon + 1)));
  if (socket === undefined) return checks;
  let shown: Shown;
  try {
    shown = await shakeHands(socket, {
      servername: identity.serverName,
      ca: identity.authorities,
      cert: identity.certificate,
      key: identity.mtlsKey,
      ALPNProtocols: ['h2'],
    });
  } catch (error) {
    socket.destroy();
    return [
      ...checks,
      failed(
        `${what}: TLS`,
        `the handshake failed (${reasonOf(error)})`,
        'Something in between ends the connection: let it pass untouched, as agents speak mutual TLS through to the gateway.',
      ),
    ];
  }
  const tls = tlsOf(what, shown);
  if (tls.state === 'failed') {
    shown.socket.destroy();
    return [...checks, tls];
  }
  const grpc = await askGrpc(what, shown.socket);
  shown.socket.destroy();
  return [...checks, tls, grpc];
}

function tlsOf(what: string, { certificate, problem, socket }: Shown): Check {
  const name = `${what}: TLS`;
  if (problem !== undefined)
    return failed(
      name,
      `its certificate is not of the authority that this agent trusts (${problem}); it is from ${issuerOf(certificate)}`,
      'A proxy opens TLS in between, which agents refuse: let this address pass it untouched. Or the clock is wrong: see above.',
    );
  if (socket.alpnProtocol !== 'h2')
    return failed(
      name,
      'no HTTP/2 was agreed on',
      'A proxy in between speaks HTTP/1.1 alone: let this address pass it untouched.',
    );
  return ok(name, 'mutual, trusted, HTTP/2');
}

/** A call that no gateway has: the answer of gRPC itself to that shows that calls come through. */
async function askGrpc(what: string, socket: TLSSocket): Promise<Check> {
  const name = `${what}: gRPC`;
  let session: ClientHttp2Session | undefined;
  try {
    session = connect('https://gateway', { createConnection: () => socket });
    session.on('error', () => undefined);
    const call = session.request({
      ':method': 'POST',
      ':path': '/truffle.agent.v1.Doctor/Ask',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingHttpHeaders>();
    call.once('response', resolve);
    call.once('error', reject);
    call.once('close', () => reject(new Error('the gateway closed the connection')));
    call.end(Buffer.alloc(5));
    const headers = await within(promise);
    call.close();
    if (headers['grpc-status'] === unimplemented) return ok(name, 'calls come through');
    return failed(
      name,
      `something answers that is no gateway (status ${String(headers[':status'])})`,
      'Look at the address, and at proxies in between.',
    );
  } catch (error) {
    return failed(
      name,
      `no call comes through (${reasonOf(error)})`,
      'The gateway refuses this agent’s certificate, or something in between breaks HTTP/2: see the certificate below, and truffle agent get on the control plane.',
    );
  } finally {
    session?.destroy();
  }
}

/** The agent's own certificate, and whether it is in quarantine. */
export function checkIdentity(
  identity: Identity | undefined,
  nowMs: number,
  wayOut: string | undefined,
): readonly Check[] {
  if (identity === undefined)
    return [
      failed(
        'identity',
        'the agent is not enrolled',
        'Make a join token (truffle agent join-token create NAME) and run truffle-agent enroll.',
      ),
    ];
  const who = ok('identity', `${identity.agentId} of ${identity.orgId}`);
  return [
    who,
    certificateOf(identity, nowMs),
    ...(wayOut === undefined ? [] : [failed('quarantine', 'the control plane gives this agent no work', wayOut)]),
  ];
}

function certificateOf({ certificateFrom, certificateEnds }: Identity, nowMs: number): Check {
  const [from, ends] = [certificateFrom.getTime(), certificateEnds.getTime()];
  const left = `until ${certificateEnds.toISOString()}, ${((ends - nowMs) / hourMs).toFixed(1)} h`;
  if (nowMs < from)
    return failed(
      'certificate',
      `good only from ${certificateFrom.toISOString()}`,
      'The clock of this machine is behind: timedatectl set-ntp true.',
    );
  if (nowMs > ends)
    return warning(
      'certificate',
      `has ended on ${certificateEnds.toISOString()}`,
      'The agent recovers by itself with its identity key once it reaches the origin; where it may not: truffle agent release NAME.',
    );
  if (ends - nowMs < (ends - from) / 10)
    return warning(
      'certificate',
      `${left}: renewal is late`,
      'Look at the log for why it is not renewed: journalctl -u truffle-agent.',
    );
  return ok('certificate', left);
}

/** What is looked at only with an identity. */
export const withoutIdentity = (): readonly Check[] => [skipped('gateway', 'not known before the agent is enrolled')];

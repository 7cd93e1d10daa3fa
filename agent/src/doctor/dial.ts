import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type PeerCertificate, type TLSSocket } from 'node:tls';
import { failed, ok, reasonOf, type Check } from './check.ts';

const withinMs = 10_000;

/** An address as far as it could be dialled. */
export interface Dialled {
  readonly checks: readonly Check[];
  /** Undefined when it was not reached. To be destroyed by who asked for it. */
  readonly socket: Socket | undefined;
}

/** Resolves and connects, and says how far it came. @param what the name of the checks, such as `gateway host:port` */
export async function dialTcp(what: string, host: string, port: number): Promise<Dialled> {
  const checks: Check[] = [];
  if (isIP(host) === 0) {
    try {
      const began = performance.now();
      const found = await within(lookup(host, { all: true }));
      const ms = Math.round(performance.now() - began);
      checks.push(ok(`${what}: name`, `${host} is ${found.map(({ address }) => address).join(', ')} (${ms} ms)`));
    } catch (error) {
      const remedy = 'Look at the name, and at the name servers in /etc/resolv.conf.';
      checks.push(failed(`${what}: name`, `${host} can not be resolved (${reasonOf(error)})`, remedy));
      return { checks, socket: undefined };
    }
  }
  const began = performance.now();
  const socket = connectTcp({ host, port });
  try {
    await within(happened(socket, 'connect'));
  } catch (error) {
    socket.destroy();
    checks.push(
      failed(`${what}: connection`, `${host}:${port} was not reached (${reasonOf(error)})`, tcpRemedy(error, port)),
    );
    return { checks, socket: undefined };
  }
  checks.push(ok(`${what}: connection`, `${host}:${port} answers (${Math.round(performance.now() - began)} ms)`));
  return { checks, socket };
}

function tcpRemedy(error: unknown, port: number): string {
  switch (reasonOf(error)) {
    case 'ECONNREFUSED':
      return 'Nothing listens there: look at the port, and whether the control plane runs.';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return 'There is no way to it: look at the routes of this machine (ip route).';
    default:
      return `A firewall drops it, or the host is down: let this machine reach port ${port}, TCP, outgoing.`;
  }
}

/** What was shown in a TLS handshake. */
export interface Shown {
  readonly socket: TLSSocket;
  readonly certificate: PeerCertificate;
  /** Why it is not trusted; undefined when it is. */
  readonly problem: string | undefined;
}

/** Shakes hands over a connection; who is not trusted is shown all the same, and told of. Rejects when no TLS is spoken there, or this side is refused. */
export async function shakeHands(socket: Socket, options: ConnectionOptions): Promise<Shown> {
  const secured = connectTls({ ...options, socket, rejectUnauthorized: false });
  await within(happened(secured, 'secureConnect'));
  const problem = secured.authorizationError as (Error & { code?: string }) | string | undefined | null;
  const said =
    problem === undefined || problem === null
      ? undefined
      : typeof problem === 'string'
        ? problem
        : (problem.code ?? problem.message);
  return {
    socket: secured,
    certificate: secured.getPeerCertificate(true),
    problem: secured.authorized ? undefined : (said ?? 'not trusted'),
  };
}

/** Who made a certificate, for a person. */
export const issuerOf = ({ issuer }: PeerCertificate): string => {
  const name = (issuer as PeerCertificate['issuer'] | undefined) ?? {};
  return (
    [name.O, name.CN]
      .flat()
      .filter((part) => part !== undefined && part !== '')
      .join(', ') || 'nobody named'
  );
};

/** The same within the time that a look may take. */
export async function within<T>(work: Promise<T>, ms = withinMs): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(Object.assign(new Error(`no answer within ${ms / 1000} s`), { code: 'ETIMEDOUT' })),
    ms,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function happened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once('error', reject);
    socket.once('close', () => reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })));
  });
}

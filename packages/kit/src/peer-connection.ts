import type { ClientHttp2Stream, ClientSessionOptions, Http2Session } from 'node:http2';
import type { Transport } from '@connectrpc/connect';
import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { InternalTls } from './internal-tls.ts';
import type { ServiceName } from './service-context.ts';

/**
 * The connection to another service. Connect's own manager stops listening to a connection that said GOAWAY as soon as the next request
 * opens another; the error that Node raises when the old socket has closed then ends the process (connectrpc/connect-es#1768, seen when
 * a replica drained). Here every connection keeps a listener: what its streams wait for fails with the same error anyhow.
 */
export class PeerConnection extends Http2SessionManager {
  readonly #heard = new WeakSet<Http2Session>();

  override async request(...given: Parameters<Http2SessionManager['request']>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...given);
    const { session } = stream;
    if (session !== undefined && !this.#heard.has(session)) {
      this.#heard.add(session);
      session.on('error', () => undefined);
    }
    return stream;
  }
}

/**
 * The services that other processes serve, each `<service>=<url>`; their answers may have `readMaxBytes`. Those at `https` prove their names, and
 * are shown ours.
 */
export function remotePeers(
  peers: readonly string[],
  readMaxBytes: number,
  tls?: InternalTls,
): [ServiceName, Transport][] {
  return peers.map((peer) => {
    const [service = '', baseUrl = ''] = peer.split(/=(.*)/s);
    return [
      service as ServiceName,
      createConnectTransport({
        baseUrl,
        httpVersion: '2',
        sessionManager: new PeerConnection(baseUrl, undefined, sessionOptions(service, baseUrl, tls)),
        useBinaryFormat: true,
        readMaxBytes: readMaxBytes,
      }),
    ];
  });
}

/**
 * How a connection to a part of the installation is opened: for `https` over TLS with both sides' certificates.
 * @throws TypeError for `https` without a certificate of our own
 */
export function sessionOptions(part: string, baseUrl: string, tls: InternalTls | undefined): ClientSessionOptions {
  if (!baseUrl.startsWith('https:')) return {};
  if (tls === undefined) throw new TypeError(`${part} is at https: TRUFFLE_TLS_DIR has to name our own certificate`);
  return { createConnection: (authority) => tls.connect(part, authority) };
}

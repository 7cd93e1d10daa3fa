import type { ClientHttp2Stream, Http2Session } from 'node:http2';
import type { Transport } from '@connectrpc/connect';
import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
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

/** The services that other processes serve, each `<service>=<url>`; their answers may have `readMaxBytes`. */
export function remotePeers(peers: readonly string[], readMaxBytes: number): [ServiceName, Transport][] {
  return peers.map((peer) => {
    const [service = '', baseUrl = ''] = peer.split(/=(.*)/s);
    return [
      service as ServiceName,
      createConnectTransport({
        baseUrl,
        httpVersion: '2',
        sessionManager: new PeerConnection(baseUrl),
        useBinaryFormat: true,
        readMaxBytes: readMaxBytes,
      }),
    ];
  });
}

import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';

type Handler = (request: http.IncomingMessage | http2.Http2ServerRequest, response: http.ServerResponse | http2.Http2ServerResponse) => void;

export interface OriginServer {
  /** Port that it listens on. */
  readonly port: number;
  /** Stops taking connections, lets requests end for `graceMs`, then closes what is left. */
  close(graceMs?: number): Promise<void>;
}

/** The first bytes of an HTTP/2 connection with prior knowledge (RFC 9113, 3.4) start so; no HTTP/1 method does. */
const preface = Buffer.from('PRI * ');
const firstBytesWithin = 10_000;

/** One port for HTTP/1.1 and cleartext HTTP/2: the first bytes tell them apart. */
export async function listenOrigin(handler: Handler, at: { readonly host: string; readonly port: number }): Promise<OriginServer> {
  const one = http.createServer({ requestTimeout: 0, headersTimeout: 15_000, keepAliveTimeout: 65_000 }, handler as http.RequestListener);
  const two = http2.createServer({ settings: { maxConcurrentStreams: 1_000 } }, handler as never);
  const open = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  two.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  const front = net.createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(firstBytesWithin, () => socket.destroy());
    socket.once('readable', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      const first = socket.read() as Buffer | null;
      if (first === null) return socket.destroy();
      socket.unshift(first);
      const length = Math.min(first.length, preface.length);
      const isTwo = first.subarray(0, length).equals(preface.subarray(0, length));
      (isTwo ? two : one).emit('connection', socket);
    });
  });
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.listen({ ...at, backlog: 1024 }, () => resolve());
  });
  return {
    port: (front.address() as AddressInfo).port,
    close: async (graceMs = 5_000) => {
      const closed = new Promise<void>((resolve) => front.close(() => resolve()));
      one.closeIdleConnections();
      for (const session of sessions) session.close();
      const timer = setTimeout(() => {
        for (const socket of open) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

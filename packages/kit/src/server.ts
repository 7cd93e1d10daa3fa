import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { InternalTls } from './internal-tls.ts';

type Handler = (
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
) => void;

export interface OriginServer {
  /** Port that it listens on. */
  readonly port: number;
  /** Stops taking connections, lets requests end for `graceMs`, then closes what is left. */
  close(graceMs?: number): Promise<void>;
}

/** The first bytes of an HTTP/2 connection with prior knowledge (RFC 9113, 3.4) start so; no HTTP/1 method does. */
const preface = Buffer.from('PRI * ');
const firstBytesWithinMs = 10_000;
/** How long a request's body may be under way. */
const bodyWithinMs = 30_000;
const lookForIdleMs = 50;
const restWithinMs = 5_000;

/** Where to listen, and how long (ms) a connection may keep the server waiting for its first bytes. */
export interface OriginPlace {
  readonly host: string;
  readonly port: number;
  readonly firstBytesWithinMs?: number;
  /** How long (ms) the body of a request may be under way. */
  readonly bodyWithinMs?: number;
  /** Over TLS, for these parts of the installation alone; in clear and for everybody without it. */
  readonly inside?: { readonly tls: InternalTls; readonly peers: readonly string[] } | undefined;
}

/** One port for HTTP/1.1 and HTTP/2: in clear the first bytes tell them apart, over TLS the handshake does. */
export async function listenOrigin(handler: Handler, at: OriginPlace): Promise<OriginServer> {
  const one = http.createServer(
    { requestTimeout: 0, headersTimeout: 15_000, keepAliveTimeout: 65_000, connectionsCheckingInterval: 5_000 },
    (request, response) => {
      readRest(request, response);
      boundBody(request, at.bodyWithinMs ?? bodyWithinMs, () => request.destroy());
      handler(request, response);
    },
  );
  // It never listens itself, and without this it would neither time headers out nor know its idle connections.
  one.emit('listening');
  const two = http2.createServer({ settings: { maxConcurrentStreams: 1_000 } }, (request, response) => {
    boundBody(request, at.bodyWithinMs ?? bodyWithinMs, () => request.stream.close(http2.constants.NGHTTP2_CANCEL));
    handler(request, response);
  });
  const open = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  two.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const withinMs = at.firstBytesWithinMs ?? firstBytesWithinMs;
  const front =
    at.inside === undefined
      ? net.createServer({ noDelay: true }, (socket) => {
          keep(socket);
          tellApart(socket, withinMs, (isTwo) => (isTwo ? two : one).emit('connection', socket));
        })
      : at.inside.tls.listen(at.inside.peers, { handshakeMs: withinMs }, (socket) => {
          keep(socket);
          socket.setNoDelay(true);
          (socket.alpnProtocol === 'h2' ? two : one).emit('connection', socket);
        });
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.listen({ host: at.host, port: at.port, backlog: 1024 }, () => resolve());
  });
  return {
    port: (front.address() as AddressInfo).port,
    close: async (graceMs = 5_000) => {
      const closed = new Promise<void>((resolve) => front.close(() => resolve()));
      for (const session of sessions) session.close();
      one.close();
      // A connection that becomes idle from now on would be kept for the next request.
      const idle = setInterval(() => one.closeIdleConnections(), lookForIdleMs);
      const timer = setTimeout(() => {
        for (const socket of open) socket.destroy();
      }, graceMs);
      await closed;
      clearInterval(idle);
      clearTimeout(timer);
    },
  };
}

/** Gives up on a request whose body does not end: who sends a byte now and then would hold a call for ever. */
function boundBody(
  request: http.IncomingMessage | http2.Http2ServerRequest,
  withinMs: number,
  giveUp: () => void,
): void {
  const isWhole = 'stream' in request ? request.stream.endAfterHeaders : request.complete;
  if (isWhole) return;
  const timer = setTimeout(() => (request.complete ? undefined : giveUp()), withinMs);
  timer.unref();
  for (const end of ['end', 'close']) request.once(end, () => clearTimeout(timer));
}

/** What the answer did not wait for of a body is read and thrown away: the connection's next request stands behind it. */
function readRest(request: http.IncomingMessage, response: http.ServerResponse): void {
  // A reader that gives up would destroy the request, and nothing could be read from the connection any more.
  request[Symbol.asyncIterator] = () => request.iterator({ destroyOnReturn: false });
  response.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => request.destroy(), restWithinMs);
    request.once('close', () => clearTimeout(timer));
    request.resume();
  });
}

/** Reads until it is clear which protocol this is, gives the bytes back and says so. Closes connections that say too little for too long. */
function tellApart(socket: Socket, withinMs: number, decided: (isTwo: boolean) => void): void {
  let first = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), withinMs);
  socket.once('close', () => clearTimeout(timer));
  const onData = (chunk: Buffer): void => {
    first = Buffer.concat([first, chunk]);
    const length = Math.min(first.length, preface.length);
    const fits = first.subarray(0, length).equals(preface.subarray(0, length));
    if (fits && length < preface.length) return;
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.pause();
    socket.unshift(first);
    decided(fits);
    if (!fits) socket.resume();
  };
  const onEnd = (): void => void socket.destroy();
  socket.on('data', onData);
  socket.on('end', onEnd);
}

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import type { connectNodeAdapter } from '@connectrpc/connect-node';
import type { RestRequest } from './rest.exchange.ts';

/** A request handler that speaks Connect. */
export type ConnectHandler = ReturnType<typeof connectNodeAdapter>;

/** The start of an answer; its body is read from `body`. */
export interface InnerAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/** A call that is under way. */
export interface InnerCall {
  readonly answer: Promise<InnerAnswer>;
  /** Tells the handler that nobody is waiting any more. */
  readonly cancel: () => void;
}

/** What a REST request may tell the method that it becomes; everything else belongs to the outer exchange. */
const passedOn = [
  'authorization',
  'idempotency-key',
  'x-request-id',
  'traceparent',
  'tracestate',
  'user-agent',
  'accept-language',
  // Whoever asked is still the one who asks.
  'x-forwarded-for',
] as const;

/** Calls the Connect handler in this process, on behalf of `outer`: the same path, the same gate as any other caller. */
export function callInside(
  handler: ConnectHandler,
  outer: RestRequest,
  path: string,
  contentType: string,
  body: Uint8Array,
): InnerCall {
  const reply = new Reply();
  const request = Object.assign(Readable.from([Buffer.from(body)], { objectMode: false }), {
    url: path,
    method: 'POST',
    httpVersion: outer.httpVersion,
    headers: innerHeaders(outer.headers, contentType, body.length),
    socket: outer.socket,
  });
  handler(request as unknown as Parameters<ConnectHandler>[0], reply as unknown as Parameters<ConnectHandler>[1]);
  return { answer: reply.head, cancel: () => reply.destroy() };
}

function innerHeaders(outer: IncomingHttpHeaders, contentType: string, length: number): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {
    host: 'rest.invalid',
    'content-type': contentType,
    'content-length': String(length),
  };
  return Object.assign(
    headers,
    Object.fromEntries(passedOn.flatMap((name) => (outer[name] === undefined ? [] : [[name, outer[name]]]))),
  );
}

/** As much of a server's response as the handler writes to. */
class Reply extends PassThrough {
  headersSent = false;
  readonly head: Promise<InnerAnswer>;
  readonly #begin: (answer: InnerAnswer) => void;

  constructor() {
    super();
    const { promise, resolve, reject } = Promise.withResolvers<InnerAnswer>();
    this.head = promise;
    this.#begin = resolve;
    this.once('close', () => reject(new Error('the call ended without an answer')));
    this.on('error', reject);
    promise.catch(() => undefined);
  }

  writeHead(status: number, headers: OutgoingHttpHeaders): this {
    this.headersSent = true;
    const all = new Headers();
    for (const [name, value] of Object.entries(headers))
      for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) all.append(name, String(one));
    this.#begin({ status, headers: all, body: this });
    return this;
  }

  addTrailers(): void {
    // REST has no trailers.
  }
}

import http2 from 'node:http2';

const { NGHTTP2_CANCEL } = http2.constants;

/** One service process, reached over one HTTP/2 connection that is made anew when it is lost. */
export class Upstream {
  readonly #origin: string;
  readonly #options: http2.ClientSessionOptions;
  #session: http2.ClientHttp2Session | undefined;

  /** @param origin `http://host:port`, or `https` with `options` that open the connection */
  constructor(origin: string, options: http2.ClientSessionOptions = {}) {
    this.#origin = origin;
    this.#options = options;
  }

  /** Opens a stream. It emits `error` when the service cannot be reached. */
  open(headers: http2.OutgoingHttpHeaders, endStream: boolean): http2.ClientHttp2Stream {
    return this.#connected().request(headers, { endStream });
  }

  /** Resolves when the service says that it is ready; rejects with its reason otherwise, or after `withinMs`. */
  async ready(withinMs = 3_000): Promise<void> {
    const stream = this.open({ ':path': '/readyz' }, true);
    stream.setTimeout(withinMs, () =>
      stream.destroy(new Error(`${this.#origin} did not answer within ${withinMs} ms`)),
    );
    let status: number | undefined;
    stream.on('response', (headers) => (status = headers[':status']));
    let body = '';
    for await (const chunk of stream.setEncoding('utf8')) body += chunk;
    if (status !== 200) throw new Error(`${this.#origin}: ${body.trim()}`);
  }

  close(): void {
    this.#session?.close();
  }

  #connected(): http2.ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const session = http2.connect(this.#origin, { settings: { enablePush: false }, ...this.#options });
    // Its streams fail with the same error, each where somebody waits for it.
    session.on('error', () => session.destroy());
    session.on('goaway', () => session.close());
    this.#session = session;
    return session;
  }
}

/** Ends a stream that nobody reads any more. */
export const cancel = (stream: http2.ClientHttp2Stream): void => {
  if (!stream.closed) stream.close(NGHTTP2_CANCEL);
};

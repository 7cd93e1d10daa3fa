import dns from 'node:dns/promises';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { isIP, type LookupFunction, type Socket } from 'node:net';
import tls from 'node:tls';
import { allowedOf, isReachable, type Allowed } from './address.ts';
import { OutgoingFailedError, OutgoingRefusedError } from './error.ts';

export interface OutgoingOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For everything together, redirects too; 10 s unless told. */
  readonly timeoutMs?: number;
  /** Of the answer's body; 1 MiB unless told. */
  readonly maxBytes?: number;
  /** How often an answer may send us on; 3 for GET and 0 for POST unless told. With 0 such an answer is given back as it is. */
  readonly redirects?: number;
  readonly signal?: AbortSignal;
}

export interface OutgoingAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** Where it came from in the end. */
  readonly url: string;
}

export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export interface OutgoingClientOptions {
  /** Addresses, ranges and host names that may be reached though they are not public. */
  readonly allow?: readonly string[];
  /** The system's resolver unless told. */
  readonly resolve?: Resolve;
  /** Certificate authorities beside the system's, PEM. */
  readonly ca?: readonly string[];
}

const ports = new Set(['', '80', '443', '8080', '8443']);
const longestUrl = 2_048;
const sendsOn = new Set([301, 302, 303, 307, 308]);
/** What is of one origin alone: it is not taken along to another. */
const originsOwn = new Set(['authorization', 'cookie', 'proxy-authorization']);

const bySystem: Resolve = (host) => dns.lookup(host, { all: true, verbatim: true });

/** Makes requests to addresses that somebody outside named, and to no place inside. */
export class OutgoingClient {
  readonly #allowed: Allowed;
  readonly #resolve: Resolve;
  readonly #ca: readonly string[] | undefined;

  /** @throws AllowEntryError */
  constructor({ allow = [], resolve = bySystem, ca }: OutgoingClientOptions = {}) {
    this.#allowed = allowedOf(allow);
    this.#resolve = resolve;
    this.#ca = ca;
  }

  /**
   * Whether `url` is one that may be asked at all, without asking it or looking its name up. @throws OutgoingRefusedError
   */
  check(url: string): URL {
    if (url.length > longestUrl)
      throw new OutgoingRefusedError('URL', `the address is longer than ${longestUrl} characters`);
    if (!URL.canParse(url)) throw new OutgoingRefusedError('URL', 'the address is no URL');
    const parsed = new URL(url);
    if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')
      throw new OutgoingRefusedError('SCHEME', 'only http and https addresses are asked');
    if (parsed.username !== '' || parsed.password !== '')
      throw new OutgoingRefusedError('CREDENTIALS', 'an address holds no user name and password');
    const host = hostOf(parsed);
    const isOurs =
      this.#allowed.hosts.has(host) ||
      (isIP(host) !== 0 && this.#allowed.ranges.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4'));
    if (!isOurs && !ports.has(parsed.port))
      throw new OutgoingRefusedError('PORT', `the port ${parsed.port} is not asked; use 443, 80, 8443 or 8080`);
    if (isIP(host) !== 0 && !isReachable(host, this.#allowed)) throw notPublic();
    return parsed;
  }

  /**
   * Asks `url` and reads the whole answer, whatever its status.
   * @throws OutgoingRefusedError when it, or where it sends us on to, is no place to ask; OutgoingFailedError when there is no whole answer
   */
  async request(url: string, options: OutgoingOptions = {}): Promise<OutgoingAnswer> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
    let method = options.method ?? 'GET';
    let headers = { ...options.headers };
    let { body } = options;
    let at = this.check(url);
    const most = options.redirects ?? (method === 'GET' ? 3 : 0);
    for (let left = most; ; left--) {
      const answer = await this.#once(at, { method, headers, body, maxBytes: options.maxBytes ?? 1_048_576 }, signal);
      const { location } = answer.headers;
      if (!sendsOn.has(answer.status) || location === undefined || most === 0) return answer;
      if (left <= 0) throw new OutgoingRefusedError('REDIRECTS', 'the address sends on to others too often');
      const next = this.check(URL.canParse(location, at.href) ? new URL(location, at.href).href : location);
      if (at.protocol === 'https:' && next.protocol === 'http:')
        throw new OutgoingRefusedError('SCHEME', 'the address sends on from https to http');
      if (next.origin !== at.origin)
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !originsOwn.has(name.toLowerCase())));
      if (answer.status < 307 && method === 'POST') {
        method = 'GET';
        body = undefined;
      }
      at = next;
    }
  }

  /**
   * Connects to a port that is no web server's: a log receiver's, say. Whoever gets it ends it.
   * @throws OutgoingRefusedError when it is no place to connect to; OutgoingFailedError when it does not answer
   */
  async connect(host: string, port: number, secure: boolean, signal: AbortSignal): Promise<Socket> {
    if (isIP(host) !== 0 && !isReachable(host, this.#allowed)) throw notPublic();
    const at = { host, port, lookup: this.#lookup };
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const ca = this.#ca === undefined ? {} : { ca: [...this.#ca] };
    const socket = secure ? tls.connect({ ...at, ...servername, ...ca }) : net.connect(at);
    const stop = (): void => void socket.destroy(new Error('given up'));
    signal.addEventListener('abort', stop);
    try {
      await once(socket, secure ? 'secureConnect' : 'connect', { signal });
      return socket;
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      if (error instanceof OutgoingRefusedError || error instanceof OutgoingFailedError) throw error;
      if (signal.aborted)
        throw new OutgoingFailedError('TIMEOUT', 'the address did not answer in time', { cause: error });
      throw new OutgoingFailedError('UNREACHABLE', 'the address could not be reached, or broke off', { cause: error });
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #once(
    url: URL,
    {
      method,
      headers,
      body,
      maxBytes,
    }: Required<Pick<OutgoingOptions, 'method' | 'headers' | 'maxBytes'>> & { readonly body: OutgoingOptions['body'] },
    signal: AbortSignal,
  ): Promise<OutgoingAnswer> {
    try {
      const response = await this.#send(url, method, { ...headers, 'accept-encoding': 'identity' }, body, signal);
      const encoding = response.headers['content-encoding'] ?? 'identity';
      if (encoding !== 'identity') {
        response.destroy();
        throw new OutgoingFailedError('ENCODING', 'the answer is compressed though we did not ask for that');
      }
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: await read(response, maxBytes),
        url: url.href,
      };
    } catch (error) {
      if (error instanceof OutgoingRefusedError || error instanceof OutgoingFailedError) throw error;
      if (signal.aborted)
        throw new OutgoingFailedError('TIMEOUT', 'the address did not answer in time', { cause: error });
      throw new OutgoingFailedError('UNREACHABLE', 'the address could not be reached, or broke off', { cause: error });
    }
  }

  #send(
    url: URL,
    method: string,
    headers: Readonly<Record<string, string>>,
    body: OutgoingOptions['body'],
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const secure = url.protocol === 'https:';
    // An agent of its own for each: no connection is kept that a later request, to another address of the name, could be given.
    const settings = {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
      lookup: this.#lookup,
      signal,
      maxHeaderSize: 16_384,
      agent: secure
        ? new https.Agent({ keepAlive: false, ...(this.#ca === undefined ? {} : { ca: [...this.#ca] }) })
        : new http.Agent({ keepAlive: false }),
    };
    const request = secure ? https.request(url, settings) : http.request(url, settings);
    request.on('response', resolve).on('error', reject);
    request.end(body);
    return promise;
  }

  /** Asked at the moment of connecting, and what it answers is connected to: a name that changes its mind is looked at as it is then. */
  readonly #lookup: LookupFunction = (host, { all }, callback) => void this.#answer(host, all === true, callback);

  async #answer(host: string, all: boolean, callback: Parameters<LookupFunction>[2]): Promise<void> {
    let found: Awaited<ReturnType<Resolve>>;
    try {
      found = await this.#addressesOf(host);
    } catch (error) {
      callback(error as NodeJS.ErrnoException, '');
      return;
    }
    if (all) callback(null, [...found]);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  }

  async #addressesOf(host: string): Promise<readonly { readonly address: string; readonly family: number }[]> {
    const found = await this.#resolve(host);
    const isOurs = this.#allowed.hosts.has(host.toLowerCase().replace(/\.$/, ''));
    if (found.length === 0)
      throw new OutgoingFailedError('UNREACHABLE', 'the address has a name that does not resolve');
    // One bad address among good ones is a name that plays games: nothing is connected to.
    if (!isOurs && !found.every(({ address }) => isReachable(address, this.#allowed))) throw notPublic();
    return found;
  }
}

/** The host of a URL as addresses are compared: no brackets, no final dot. The parser has turned every notation of IPv4 into the dotted one. */
const hostOf = (url: URL): string =>
  url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();

const notPublic = (): OutgoingRefusedError =>
  new OutgoingRefusedError(
    'NOT_PUBLIC',
    'the address is not a public one; who runs this control plane can let it through with TRUFFLE_OUTGOING_ALLOW',
  );

async function read(response: http.IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      response.destroy();
      throw new OutgoingFailedError('TOO_LARGE', `the answer is larger than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

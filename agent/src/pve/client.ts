import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { PveError, type Reach } from './error.ts';
import { rowOf } from './json.ts';
import { jitter, pause } from './pause.ts';

/** How to reach a Proxmox VE cluster. */
export interface PveConnection {
  /** `https://host:8006` of one or more nodes. The first that answers serves what belongs to no known node. */
  readonly urls: readonly string[];
  /** Which of them is which node's, where that is known; the others are learned. */
  readonly nodes: Readonly<Record<string, string>>;
  /** `user@realm!name`. */
  readonly tokenId: string;
  readonly tokenSecret: string;
  /** The cluster's CA in PEM (`/etc/pve/pve-root-ca.pem`): the only one that is trusted. */
  readonly ca: string;
  /** Sockets kept for each address. Default 32. */
  readonly maxSockets?: number;
}

export type Params = Readonly<Record<string, string | number | undefined>>;
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Who is asked, and for how long. */
export interface CallOptions {
  /** The node that owns what is asked for: it is asked directly when its address is known. */
  readonly node?: string;
  readonly signal: AbortSignal;
  /** Milliseconds for each try. Default 15 s for reads, 45 s for writes: a proxying node gives up after 30 s. */
  readonly deadlineMs?: number;
  /** Tries of a read, or of a write that surely never arrived. Default 4. */
  readonly tries?: number;
}

/** A request's body. */
export interface Form {
  readonly type: string;
  readonly bytes: Buffer;
}

/** A file with its fields, as browsers send them; the fields come first, as Proxmox VE wants. */
export function formUpload(fields: Readonly<Record<string, string>>, filename: string, file: Buffer): Form {
  const boundary = `truffle-${randomUUID()}`;
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="filename"; filename="${filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  const bytes = [Buffer.from(parts.join('') + head), file, Buffer.from(`\r\n--${boundary}--\r\n`)];
  return { type: `multipart/form-data; boundary=${boundary}`, bytes: Buffer.concat(bytes) };
}

const bodyLimit = 16 * 1024 * 1024;
/** Socket errors after which the call was surely not received. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);
const tlsCodes = /^(ERR_TLS_|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|EPROTO)/;

/** The HTTP API of Proxmox VE with an API token, over TLS that trusts the cluster's CA and nothing else. */
export class PveClient {
  readonly #connection: PveConnection;
  readonly #agent: Agent;
  /** Address by node, as learned. */
  readonly #addresses: Map<string, string>;
  #preferred = 0;

  constructor(connection: PveConnection) {
    this.#connection = connection;
    this.#addresses = new Map(Object.entries(connection.nodes));
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: connection.maxSockets ?? 32,
      ca: connection.ca,
      rejectUnauthorized: true,
      scheduling: 'lifo',
    });
  }

  /**
   * Learns which of the addresses is which node's, so that later calls go to the owning node. Unreachable ones are left out, and all where the
   * token may not see the cluster's status (Sys.Audit on `/`).
   */
  async learnNodes(signal: AbortSignal): Promise<void> {
    if (this.#connection.urls.length < 2 || this.#addresses.size > 0) return;
    const learn = async (url: string): Promise<void> => {
      const answer = await this.#send(url, 'GET', '/cluster/status', undefined, { signal, deadlineMs: 5_000 });
      const own = (Array.isArray(answer) ? answer : []).map(rowOf).find((row) => row['local'] === 1);
      if (typeof own?.['name'] === 'string') this.#addresses.set(own['name'], url);
    };
    await Promise.allSettled(this.#connection.urls.map(learn));
  }

  /** The `data` of the answer. @throws PveError, or the signal's reason */
  get(path: string, params: Params, options: CallOptions): Promise<unknown> {
    return this.#call('GET', withQuery(path, params), undefined, options);
  }

  /** @throws PveError, or the signal's reason */
  post(path: string, params: Params, options: CallOptions): Promise<unknown> {
    return this.#call('POST', path, formOf(params), options);
  }

  /** @throws PveError, or the signal's reason */
  put(path: string, params: Params, options: CallOptions): Promise<unknown> {
    return this.#call('PUT', path, formOf(params), options);
  }

  /** @throws PveError, or the signal's reason */
  delete(path: string, params: Params, options: CallOptions): Promise<unknown> {
    return this.#call('DELETE', withQuery(path, params), undefined, options);
  }

  /** Sends a file with its fields, as `formUpload` makes them. @throws PveError, or the signal's reason */
  upload(path: string, form: Form, options: CallOptions): Promise<unknown> {
    return this.#call('POST', path, form, { ...options, deadlineMs: options.deadlineMs ?? 120_000 });
  }

  /** Closes the sockets. */
  close(): void {
    this.#agent.destroy();
  }

  async #call(method: Method, path: string, body: Form | undefined, options: CallOptions): Promise<unknown> {
    const tries = options.tries ?? 4;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#send(this.#address(options.node, attempt), method, path, body, options);
      } catch (error) {
        if (!(error instanceof PveError) || attempt + 1 >= tries || !mayRepeat(method, error)) throw error;
        if (error.status === 0) this.#preferred += 1;
        await pause(jitter(attempt, 200, 3_000), options.signal);
      }
    }
  }

  /** The owning node's own address first; after a failure any other, which then proxies. */
  #address(node: string | undefined, attempt: number): string {
    const own = node === undefined ? undefined : this.#addresses.get(node);
    const { urls } = this.#connection;
    return (attempt === 0 ? own : undefined) ?? urls[this.#preferred % urls.length] ?? '';
  }

  async #send(
    base: string,
    method: Method,
    path: string,
    body: Form | undefined,
    options: CallOptions,
  ): Promise<unknown> {
    const { signal } = options;
    signal.throwIfAborted();
    const operation = `${method} ${path.split('?')[0] ?? path}`;
    const deadline = AbortSignal.timeout(options.deadlineMs ?? (method === 'GET' ? 15_000 : 45_000));
    const state = { sent: false };
    try {
      const response = await this.#exchange(
        new URL(`/api2/json${path}`, base),
        method,
        body,
        AbortSignal.any([signal, deadline]),
        state,
      );
      return answerOf(operation, response);
    } catch (error) {
      if (error instanceof PveError) throw error;
      signal.throwIfAborted();
      throw unanswered(operation, error, state.sent, deadline.aborted);
    }
  }

  #exchange(
    url: URL,
    method: Method,
    body: Form | undefined,
    signal: AbortSignal,
    state: { sent: boolean },
  ): Promise<Exchange> {
    const { tokenId, tokenSecret } = this.#connection;
    const headers: Record<string, string> = {
      authorization: `PVEAPIToken=${tokenId}=${tokenSecret}`,
      accept: 'application/json',
    };
    if (body !== undefined) {
      headers['content-type'] = body.type;
      // Chunked bodies are refused.
      headers['content-length'] = String(body.bytes.length);
    }
    return new Promise((resolve, reject) => {
      const call = request(url, { method, agent: this.#agent, headers, signal }, (response) => {
        readBody(response).then(
          (text) => resolve({ status: response.statusCode ?? 0, reason: response.statusMessage ?? '', text }),
          reject,
        );
      });
      call.on('error', reject);
      call.on('socket', (socket) => {
        if (!socket.connecting) state.sent = true;
        else socket.once('secureConnect', () => (state.sent = true));
      });
      call.end(body?.bytes);
    });
  }
}

interface Exchange {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
}

/** Reads are always safe to repeat; writes only when the call surely did not arrive (595: the owning node could not be dialled). */
function mayRepeat(method: Method, error: PveError): boolean {
  if (error.reach === 'not-sent') return !tlsCodes.test(codeOf(error.cause));
  return method === 'GET' && error.reach === 'uncertain';
}

function unanswered(operation: string, error: unknown, sent: boolean, late: boolean): PveError {
  const code = codeOf(error);
  const reach: Reach = !sent && (neverSent.has(code) || tlsCodes.test(code)) ? 'not-sent' : 'uncertain';
  const reason = late ? 'no answer in time' : error instanceof Error && error.message !== '' ? error.message : code;
  return new PveError(operation, { status: 0, reason, reach, cause: error });
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

function answerOf(operation: string, { status, reason, text }: Exchange): unknown {
  const body = parse(text);
  if (status >= 200 && status < 300) {
    if (body === undefined)
      throw new PveError(operation, { status, reason: 'the answer is no JSON', reach: 'uncertain' });
    return body['data'];
  }
  const message = typeof body?.['message'] === 'string' ? body['message'].trim() : '';
  const errors = Object.fromEntries(
    Object.entries(rowOf(body?.['errors'])).map(([key, value]) => [key, String(value)]),
  );
  const said = message.length > reason.length ? message : reason;
  throw new PveError(operation, {
    status,
    reason: said === '' ? `status ${status}` : said,
    errors,
    reach: reachOf(status),
  });
}

function reachOf(status: number): Reach {
  if (status === 595) return 'not-sent';
  return status === 596 || status === 599 || status === 502 || status === 503 || status === 504
    ? 'uncertain'
    : 'refused';
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return rowOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > bodyLimit) {
      response.destroy();
      throw new Error('the answer is larger than 16 MiB');
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function withQuery(path: string, params: Params): string {
  const query = encodeForm(params);
  return query === '' ? path : `${path}?${query}`;
}

function formOf(params: Params): Form {
  return { type: 'application/x-www-form-urlencoded', bytes: Buffer.from(encodeForm(params)) };
}

function encodeForm(params: Params): string {
  return Object.entries(params)
    .flatMap(([key, value]) =>
      value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`],
    )
    .join('&');
}

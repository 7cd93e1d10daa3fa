import type { EventEmitter } from 'node:events';
import type http from 'node:http';
import type { DescMethod, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { endStreamFlag, endStreamFromJson } from '@connectrpc/connect/protocol-connect';
import { requestIdOf, sendProblem, type RestRequest, type RestResponse } from './rest.exchange.ts';
import { callInside, type ConnectHandler } from './rest.inner.ts';
import { errorOf, problemDocument } from './rest.problem.ts';

/** Fields that say where a watcher is, in what a stream sends (in its first message field) and in what asks for it. */
const cursorFields = ['n', 'cursor', 'revision'] as const;
const afterFields = ['after', 'after_revision'] as const;

/** A stream that says nothing for this long is opened all the same, so that the client knows that it is connected. */
const openAfterMs = 1_000;
/** A comment goes out after this long without a message, for proxies that close quiet connections. */
const aliveEveryMs = 15_000;

/** The request with `Last-Event-ID` in the field that says where to go on; as it is where the method has none. */
export function withLastEventId(
  method: DescMethod,
  request: JsonObject,
  lastEventId: string | string[] | undefined,
): JsonObject {
  const field = method.input.fields.find((f) => (afterFields as readonly string[]).includes(f.name));
  return field === undefined || typeof lastEventId !== 'string' || lastEventId === ''
    ? request
    : { ...request, [field.jsonName]: lastEventId };
}

/**
 * Sends what a server stream sends as Server-Sent Events: `data` is the message, `id` its cursor where it has one, signs of life are
 * comments. A stream that ends says `event: end`, one that breaks `event: error` with problem details; one that fails before it
 * says anything answers with the problem itself.
 */
export async function streamEvents(
  request: RestRequest,
  response: RestResponse,
  handler: ConnectHandler,
  method: DescMethod,
  rpc: string,
  message: JsonObject,
): Promise<void> {
  const call = callInside(
    handler,
    request,
    rpc,
    'application/connect+json',
    enveloped(Buffer.from(JSON.stringify(message))),
  );
  (response as EventEmitter).once('close', call.cancel);
  const out = new EventOutput(response);
  try {
    const answer = await call.answer;
    const requestId = answer.headers.get('x-request-id') ?? requestIdOf(request);
    if (answer.status !== 200) return out.fail(errorOf(undefined, answer.headers), requestId);
    for await (const { flags, data } of envelopes(answer.body)) {
      if ((flags & endStreamFlag) === 0) {
        await out.message(JSON.parse(data.toString('utf8')) as JsonObject, method);
        continue;
      }
      const end = endStreamFromJson(data);
      if (end.error !== undefined) return out.fail(end.error, end.error.metadata.get('x-request-id') ?? requestId);
      return out.end();
    }
    response.destroy();
  } finally {
    out.stop();
  }
}

class EventOutput {
  readonly #response: http.ServerResponse;
  #timer: NodeJS.Timeout;

  constructor(response: RestResponse) {
    this.#response = response as http.ServerResponse;
    this.#timer = setTimeout(() => this.#alive(), openAfterMs);
  }

  async message(message: JsonObject, method: DescMethod): Promise<void> {
    if (Object.keys(message).length === 0) return this.#alive();
    const id = cursorOf(method, message);
    await this.#write(`${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(message)}\n\n`);
  }

  fail(error: ReturnType<typeof errorOf>, requestId: string): void {
    const document = problemDocument(error, requestId);
    if (!this.#response.headersSent) return sendProblem(this.#response, document);
    this.#response.end(`event: error\ndata: ${JSON.stringify(document.body)}\n\n`);
  }

  end(): void {
    this.#open();
    this.#response.end('event: end\ndata: {}\n\n');
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #alive(): void {
    if (!this.#response.destroyed) void this.#write(': alive\n\n');
  }

  #open(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
  }

  /** Resolves when the client has taken what is waiting, so that a slow one slows its stream and nothing piles up. */
  async #write(text: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#alive(), aliveEveryMs);
    this.#open();
    if (this.#response.write(text) || this.#response.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once('drain', resolve).once('close', resolve);
    await promise;
    this.#response.off('drain', resolve).off('close', resolve);
  }
}

/** Where `message` stands in its stream. */
function cursorOf(method: DescMethod, message: JsonObject): string | undefined {
  for (const field of method.output.fields) {
    const cursor = field.message?.fields.find((f) => (cursorFields as readonly string[]).includes(f.name));
    if (cursor === undefined) continue;
    const value = message[field.jsonName];
    const last = Array.isArray(value) ? value.at(-1) : value;
    const found = isObject(last) ? last[cursor.jsonName] : undefined;
    if (typeof found === 'string' || typeof found === 'number') return String(found);
  }
  return undefined;
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function enveloped(data: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
}

/** The messages of a Connect stream: a byte of flags, four of length, the data. */
async function* envelopes(
  body: AsyncIterable<Uint8Array>,
): AsyncIterable<{ readonly flags: number; readonly data: Buffer }> {
  let rest = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const end = 5 + rest.readUInt32BE(1);
      if (rest.length < end) break;
      yield { flags: rest.readUInt8(0), data: rest.subarray(5, end) };
      rest = rest.subarray(end);
    }
  }
}

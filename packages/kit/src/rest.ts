import { EventEmitter } from 'node:events';
import type { DescService, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { boundsOf } from './bounds.ts';
import { rulesOf } from './contract.ts';
import { openApiOf } from './openapi.ts';
import { InvalidProblem, Problem } from './problem.ts';
import { statusOf } from './problem.status.ts';
import { requestIdOf, send, sendProblem, type RestRequest, type RestResponse } from './rest.exchange.ts';
import { callInside, type ConnectHandler } from './rest.inner.ts';
import { errorOf, problemDocument, type ProblemDocument } from './rest.problem.ts';
import { compileRoutes, matchRoute, requestJson, type RestRoute } from './rest.route.ts';
import { streamEvents, withLastEventId } from './sse.ts';

const openApiPath = '/v1/openapi.json';
const bodyVerbs: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** An error of HTTP itself, which no status code of RPC says. */
class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: Code;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: Code, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/**
 * Serves the public methods of `services` as REST (their `google.api.http` bindings) by handing each request to `connectHandler`
 * in this process. Errors are problem details (RFC 9457), server streams are Server-Sent Events, `/v1/openapi.json` describes it.
 */
export function restHandler(
  services: readonly DescService[],
  connectHandler: ConnectHandler,
): (request: RestRequest, response: RestResponse) => void {
  const routes = compileRoutes(services);
  const openApi = Buffer.from(JSON.stringify(openApiOf(routes)));
  return (request, response) => {
    serve(request, response, routes, openApi, connectHandler).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy();
      const { document, extra } = failureOf(error, requestIdOf(request));
      sendProblem(response, document, extra);
    });
  };
}

async function serve(
  request: RestRequest,
  response: RestResponse,
  routes: readonly RestRoute[],
  openApi: Buffer,
  connectHandler: ConnectHandler,
): Promise<void> {
  const [path = '', ...query] = (request.url ?? '').split('?');
  const verb = request.method ?? '';
  if (path === openApiPath && verb === 'GET')
    return send(response, 200, { 'content-type': 'application/json' }, openApi);
  const match = matchRoute(routes, verb, path);
  if ('verbs' in match) {
    if (match.verbs.length === 0) throw new HttpError(404, Code.NotFound, `there is nothing at ${path}`);
    throw new HttpError(405, Code.Unimplemented, `${path} does not take ${verb}`, { allow: match.verbs.join(', ') });
  }
  const { bytes } = boundsOf(rulesOf(match.route.method).rate);
  const body = bodyVerbs.has(verb) ? await readJson(request, bytes) : undefined;
  const message = requestJson(match.route, match.path, new URLSearchParams(query.join('?')), body);
  const { method } = match.route;
  const rpc = `/${method.parent.typeName}/${method.name}`;
  if (method.methodKind === 'server_streaming')
    return streamEvents(
      request,
      response,
      connectHandler,
      method,
      rpc,
      withLastEventId(method, message, request.headers['last-event-id']),
    );
  await answerOnce(request, response, connectHandler, rpc, message);
}

/** Carries out a unary call and sends its answer. */
async function answerOnce(
  request: RestRequest,
  response: RestResponse,
  connectHandler: ConnectHandler,
  rpc: string,
  message: JsonObject,
): Promise<void> {
  const call = callInside(connectHandler, request, rpc, 'application/json', Buffer.from(JSON.stringify(message)));
  (response as EventEmitter).once('close', call.cancel);
  const answer = await call.answer;
  const bytes = await collect(answer.body, Number.POSITIVE_INFINITY);
  const passed = headersBack(answer.headers);
  if (answer.status === 200) return send(response, 200, { ...passed, 'content-type': 'application/json' }, bytes);
  const document = problemDocument(
    errorOf(parse(bytes), answer.headers),
    answer.headers.get('x-request-id') ?? requestIdOf(request),
  );
  sendProblem(response, document, passed);
}

/** The body's JSON; undefined when there is none. */
async function readJson(request: RestRequest, most: number): Promise<JsonValue | undefined> {
  const bytes = await collect(request as AsyncIterable<Uint8Array>, most);
  if (bytes.length === 0) return undefined;
  const type = (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new HttpError(415, Code.InvalidArgument, 'the body must be application/json', {
      'accept-post': 'application/json',
    });
  const json = parse(bytes);
  if (json === undefined)
    throw new InvalidProblem([{ field: 'body', description: 'is not JSON', reason: 'INVALID_JSON' }]);
  return json;
}

async function collect(body: AsyncIterable<Uint8Array>, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > most)
      throw new HttpError(413, Code.ResourceExhausted, `the body is longer than ${most} bytes`, {
        connection: 'close',
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Buffer): JsonValue | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function failureOf(
  error: unknown,
  requestId: string,
): { readonly document: ProblemDocument; readonly extra: Readonly<Record<string, string>> } {
  if (error instanceof HttpError)
    return {
      document: problemDocument(new ConnectError(error.message, error.code), requestId, error.status),
      extra: error.headers,
    };
  const { status } = statusOf(error instanceof Problem ? error : ConnectError.from(error, Code.Internal), requestId);
  return { document: problemDocument(status, requestId), extra: {} };
}

const sentBack = ['x-request-id', 'idempotent-replayed', 'retry-after', 'ratelimit-policy', 'ratelimit'] as const;

/** Of an answer's headers, those that mean something to whoever asked by REST. */
function headersBack(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    sentBack.flatMap((name) => (headers.get(name) === null ? [] : [[name, headers.get(name) ?? '']])),
  );
}

import type http from 'node:http';
import http2, { type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { pipeline } from 'node:stream/promises';
import type { RestRequest, RestResponse } from '@truffle/kit';
import { cancel, type Upstream } from './upstream.ts';

/** Headers of one connection, which end here (RFC 9110, 7.6.1), and those that only we may set. */
const notForwarded: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'host',
  'truffle-context',
  'forwarded',
  'x-forwarded-for',
]);

/**
 * Passes a request on to `upstream` and its answer back: both as streams, with backpressure, and trailers kept.
 * @param from the address that the service is told the request came from
 * @param unreachable answers when the service did not
 */
export async function forward(
  request: RestRequest,
  response: RestResponse,
  upstream: Upstream,
  from: string,
  unreachable: (cause: unknown) => void,
): Promise<void> {
  const stream = upstream.open(headersUp(request, from), isEmpty(request));
  response.once('close', () => cancel(stream));
  // The caller may stop sending, or the service stop reading: the answer says how the call went.
  const sent = isEmpty(request) ? Promise.resolve() : pipeline(request, stream, { end: true }).catch(() => undefined);
  try {
    const { headers, isAll } = await headOf(stream);
    begin(response as http.ServerResponse, headers);
    // Without a body the head itself must end the stream: so gRPC tells a refusal from a broken answer.
    if (isAll) return void response.end();
    stream.once('trailers', (trailers) => (response as http.ServerResponse).addTrailers(plain(trailers)));
    // A watcher wants to know that it is connected before there is anything to see.
    (response as http.ServerResponse).flushHeaders();
    await pipeline(stream, response as http.ServerResponse);
  } catch (error) {
    cancel(stream);
    if (response.destroyed) return;
    if (response.headersSent) reset(response);
    else unreachable(error);
  }
  await sent;
}

function headersUp(request: RestRequest, from: string): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    ':method': request.method ?? 'GET',
    ':path': request.url ?? '/',
    'x-forwarded-for': from,
  };
  for (const [name, value] of Object.entries(request.headers))
    if (!name.startsWith(':') && !notForwarded.has(name) && value !== undefined) headers[name] = value;
  if (String(request.headers['te'] ?? '').includes('trailers')) headers['te'] = 'trailers';
  return headers;
}

function isEmpty(request: RestRequest): boolean {
  if ('stream' in request) return request.stream.endAfterHeaders;
  return request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0;
}

function headOf(
  stream: ClientHttp2Stream,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly isAll: boolean }> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers, flags) =>
      resolve({ headers, isAll: (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0 }),
    );
    stream.on('error', reject);
    stream.once('close', () => reject(new Error('the service closed the call without an answer')));
  });
}

function begin(response: http.ServerResponse, headers: IncomingHttpHeaders): void {
  const { ':status': status, ...rest } = plain(headers);
  response.statusCode = Number(status);
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) response.setHeader(name, value);
}

/** Ends an answer that has begun so that nobody takes it for whole. */
function reset(response: RestResponse): void {
  if ('stream' in response) response.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}

/** Without the marks that Node keeps beside the headers (such as which are sensitive). */
const plain = (headers: IncomingHttpHeaders): OutgoingHttpHeaders => Object.fromEntries(Object.entries(headers));

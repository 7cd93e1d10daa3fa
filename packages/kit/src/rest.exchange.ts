import type http from 'node:http';
import type http2 from 'node:http2';
import { newId } from '@truffle/ids';
import type { ProblemDocument } from './rest.problem.ts';

export type RestRequest = http.IncomingMessage | http2.Http2ServerRequest;
export type RestResponse = http.ServerResponse | http2.Http2ServerResponse;

/** Sends a problem as `application/problem+json`. */
export function sendProblem(
  response: RestResponse,
  document: ProblemDocument,
  extra: Readonly<Record<string, string>> = {},
): void {
  const headers = {
    'x-request-id': document.requestId,
    ...extra,
    ...document.headers,
    'content-type': 'application/problem+json',
  };
  send(response, document.status, headers, Buffer.from(JSON.stringify(document.body)));
}

/** Sends a whole answer. */
export function send(
  response: RestResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): void {
  const { connection, ...rest } = headers;
  // HTTP/2 has no connection header.
  const all = connection === undefined || 'stream' in response ? rest : { connection, ...rest };
  (response as http.ServerResponse).writeHead(status, {
    ...all,
    'content-length': String(body.length),
    'cache-control': 'no-store',
  });
  (response as http.ServerResponse).end(body);
}

/** The caller's own id for the request when it is a good one, else a new one. */
export function requestIdOf(request: RestRequest): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : newId('req');
}

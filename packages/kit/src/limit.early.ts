import type http from 'node:http';
import type { DescService } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import type { RateClass } from '@truffle/api/options/v1/method';
import { rulesOf } from './contract.ts';
import { requestIdOf, send, sendProblem, type RestRequest, type RestResponse } from './rest.exchange.ts';
import { problemDocument } from './rest.problem.ts';
import { compileRoutes, matchRoute } from './rest.route.ts';

interface Refused {
  readonly until: number;
  readonly error: ConnectError;
  readonly headers: Readonly<Record<string, string>>;
}

const mostNoted = 10_000;
const grpcResourceExhausted = '8';

/**
 * Answers for a credential that has nothing left of a class until it has again, before anything else is done for the request: whoever calls at
 * many times its limit costs the others next to nothing.
 */
export class EarlyRefusals {
  readonly #now: () => number;
  #rateOf: (verb: string, path: string) => RateClass | undefined = () => undefined;
  readonly #refused = new Map<string, Refused>();

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Answers for the methods of these services from now on. */
  serve(services: readonly DescService[]): void {
    const methods = services.flatMap((service) => service.methods);
    const calls = new Map(methods.map((m) => [`/${m.parent.typeName}/${m.name}`, rulesOf(m).rate]));
    const routes = compileRoutes(services);
    this.#rateOf = (verb, path) => {
      if (!path.startsWith('/v1/')) return calls.get(path);
      const match = matchRoute(routes, verb, path);
      return 'route' in match ? rulesOf(match.route.method).rate : undefined;
    };
  }

  /** Remembers that calls of that class are refused for `waitMs` to whoever sends this credential. */
  note(authorization: string | null, rate: RateClass, error: ConnectError, waitMs: number): void {
    if (authorization === null) return;
    if (this.#refused.size >= mostNoted) this.#refused.clear();
    const headers = Object.fromEntries(
      ['retry-after', 'ratelimit', 'ratelimit-policy'].flatMap((name) => {
        const value = error.metadata.get(name);
        return value === null ? [] : [[name, value]];
      }),
    );
    this.#refused.set(`${rate} ${authorization}`, { until: this.#now() + waitMs, error, headers });
  }

  /** Answers the request when it would be refused anyway; false when it is to go on. */
  answer(request: RestRequest, response: RestResponse): boolean {
    const { authorization } = request.headers;
    if (authorization === undefined || this.#refused.size === 0) return false;
    const path = (request.url ?? '').split('?')[0] ?? '';
    const type = request.headers['content-type'] ?? '';
    // Streams of Connect say their errors in an envelope: they take the long way.
    if (type.startsWith('application/connect+') || type.startsWith('application/grpc-web')) return false;
    const rate = this.#rateFor(request.method ?? '', path);
    const name = `${rate} ${authorization}`;
    const refused = this.#refused.get(name);
    if (rate === undefined || refused === undefined) return false;
    if (refused.until <= this.#now()) {
      this.#refused.delete(name);
      return false;
    }
    request.resume();
    reply(request, response, refused, path.startsWith('/v1/'), type);
    return true;
  }

  #rateFor(verb: string, path: string): RateClass | undefined {
    try {
      return this.#rateOf(verb, path);
    } catch {
      // A path that is not well encoded: who serves it explains that.
      return undefined;
    }
  }
}

function reply(request: RestRequest, response: RestResponse, refused: Refused, isRest: boolean, type: string): void {
  const { error, headers } = refused;
  const requestId = requestIdOf(request);
  if (isRest) return sendProblem(response, problemDocument(error, requestId), headers);
  const named = { ...headers, 'x-request-id': requestId };
  if (!type.startsWith('application/grpc')) {
    const body = Buffer.from(JSON.stringify(errorToJson(error, undefined)));
    return send(response, 429, { ...named, 'content-type': 'application/json' }, body);
  }
  (response as http.ServerResponse).writeHead(200, {
    ...named,
    'content-type': type,
    'grpc-status': grpcResourceExhausted,
    'grpc-message': encodeURIComponent(error.rawMessage),
  });
  (response as http.ServerResponse).end();
}

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
  readonly told: Told;
}

/** How many refusals a credential was told since when. */
interface Told {
  since: number;
  times: number;
}

const mostNoted = 10_000;
/** Refusals in a second that are told at once. Whoever does not heed them is made to wait for the others, and so slowed down by its own connections. */
const prompt = { times: 20, everyMs: 1_000 } as const;
/** Give or take a half: answered all at once, a flood would come back all at once. */
const heldMs = 1_000;
/** Answers that are held back at once, of all credentials; further ones are given at once. */
const mostHeld = 2_000;
const grpcResourceExhausted = '8';

/**
 * Answers for a credential that has nothing left of a class until it has again, before anything else is done for the request, and holds the
 * answer back from who calls on regardless: whoever calls at many times its limit costs the others next to nothing.
 */
export class EarlyRefusals {
  readonly #now: () => number;
  #rateOf: (verb: string, path: string) => RateClass | undefined = () => undefined;
  readonly #refused = new Map<string, Refused>();
  readonly #later: (work: () => void, ms: number) => () => void;
  #held = 0;

  /** @param now monotonic milliseconds @param later does something after so many milliseconds, and answers how to call it off */
  constructor(now: () => number, later: (work: () => void, ms: number) => () => void = afterMs) {
    this.#now = now;
    this.#later = later;
  }

  /** Answers that are held back now. */
  get held(): number {
    return this.#held;
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
    const name = `${rate} ${authorization}`;
    const told = this.#refused.get(name)?.told ?? { since: this.#now(), times: 0 };
    this.#refused.set(name, { until: this.#now() + waitMs, error, headers, told });
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
    if (refused.until <= this.#now()) return false;
    request.resume();
    this.#inTime(refused.told, response, () => reply(request, response, refused, path.startsWith('/v1/'), type));
    return true;
  }

  #inTime(told: Told, response: RestResponse, answer: () => void): void {
    const now = this.#now();
    if (now - told.since >= prompt.everyMs) Object.assign(told, { since: now, times: 0 });
    told.times++;
    if (told.times <= prompt.times || this.#held >= mostHeld) return answer();
    this.#held++;
    const over = (): void => {
      response.off('close', gone);
      this.#held--;
    };
    const pauseMs = heldMs * (0.5 + Math.random());
    const callOff = this.#later(() => {
      over();
      answer();
    }, pauseMs);
    const gone = (): void => {
      over();
      callOff();
    };
    response.once('close', gone);
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

function afterMs(work: () => void, ms: number): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
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

import { setTimeout as delay } from 'node:timers/promises';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Client, type Transport } from '@connectrpc/connect';
import { Idempotency } from '@truffle/api/options/v1/method';
import { currentTraceparent } from '@truffle/telemetry';
import { principalOf, type Caller } from './caller.ts';
import { rulesOf } from './contract.ts';
import { contextHeader, type ServiceContext, type ServiceKeys, type ServiceName } from './service-context.ts';

/** For whom a service calls another: nothing is called without saying so. */
export type About = Omit<ServiceContext, 'service'>;

const deadlineMs = 15_000;
/** A call that found no replica is tried this often: another one answers, or the one that starts. */
const attempts = 4;
const firstPauseMs = 50;

/** The other services, in this process or over sockets: the same calls, the same checks. */
export class Peers {
  readonly #keys: ServiceKeys;
  readonly #transports: (name: ServiceName) => Transport;

  constructor(keys: ServiceKeys, transports: (name: ServiceName) => Transport) {
    this.#keys = keys;
    this.#transports = transports;
  }

  /**
   * A client of `target`'s `service` whose every call carries a fresh context. Calls have a deadline of 15 s unless they set one; within it a
   * call that no replica answered is made again, where its method allows that.
   */
  client<S extends DescService>(target: ServiceName, service: S, about: About): Client<S> {
    return createClient(service, this.#signed(target, about));
  }

  #signed(target: ServiceName, about: About): Transport {
    const headers = async (given: ConstructorParameters<typeof Headers>[0]): Promise<Headers> => {
      const all = new Headers(given);
      all.set(contextHeader, await this.#keys.mint(target, about));
      all.set('x-request-id', about.requestId);
      const traceparent = currentTraceparent();
      if (traceparent !== '') all.set('traceparent', traceparent);
      return all;
    };
    const base = this.#transports(target);
    return {
      unary: async (method, signal, timeoutMs, header, input, values) => {
        const until = performance.now() + (timeoutMs ?? deadlineMs);
        for (let attempt = 1; ; attempt++) {
          try {
            const leftMs = Math.max(1, Math.floor(until - performance.now()));
            return await base.unary(method, signal, leftMs, await headers(header), input, values);
          } catch (error) {
            if (signal?.aborted === true || !wasUnanswered(error)) throw error;
            const pauseMs = Math.random() * firstPauseMs * 2 ** attempt;
            const late = performance.now() + pauseMs >= until;
            if (attempt === attempts || late || !isRepeatable(method)) throw unreachable(target, error);
            await delay(pauseMs, undefined, { signal });
          }
        }
      },
      stream: async (method, signal, timeoutMs, header, input, values) =>
        base.stream(method, signal, timeoutMs, await headers(header), input, values),
    };
  }
}

const isRepeatable = (method: DescMethod): boolean =>
  [Idempotency.SAFE, Idempotency.NATURAL].includes(rulesOf(method).idempotency);

/** Codes that Connect gives to what became of a connection: refused, reset, or closed under a stream. */
const lost: readonly Code[] = [Code.Unavailable, Code.Aborted, Code.Canceled];

/** Whether the connection failed, and not the service: what a service says carries details. */
const wasUnanswered = (error: unknown): error is ConnectError =>
  error instanceof ConnectError && error.details.length === 0 && (lost.includes(error.code) || isOfHttp2(error.cause));

/** Errors of Node's own HTTP/2, of which Connect makes internal ones: a stream that a leaving replica refused, say. */
const isOfHttp2 = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && String(cause.code).startsWith('ERR_HTTP2_');

const unreachable = (target: ServiceName, cause: ConnectError): ConnectError =>
  new ConnectError(`the service ${target} does not answer; try again`, Code.Unavailable, undefined, undefined, cause);

/** A call's own request, passed on: for the same principal, in the same organization. */
export const onBehalfOf = (caller: Caller): About => ({
  onBehalfOf: caller.subject === 'anonymous' ? undefined : principalOf(caller),
  displayName: caller.displayName,
  acting: caller.acting,
  address: caller.address,
  userAgent: caller.userAgent,
  action: caller.action,
  orgId: caller.orgId,
  requestId: caller.requestId,
});

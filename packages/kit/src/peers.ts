import type { DescService } from '@bufbuild/protobuf';
import { createClient, type Client, type Transport } from '@connectrpc/connect';
import { currentTraceparent } from '@truffle/telemetry';
import { principalOf, type Caller } from './caller.ts';
import { contextHeader, type ServiceContext, type ServiceKeys, type ServiceName } from './service-context.ts';

/** For whom a service calls another: nothing is called without saying so. */
export type About = Omit<ServiceContext, 'service'>;

/** The other services, in this process or over sockets: the same calls, the same checks. */
export class Peers {
  readonly #keys: ServiceKeys;
  readonly #transports: (name: ServiceName) => Transport;

  constructor(keys: ServiceKeys, transports: (name: ServiceName) => Transport) {
    this.#keys = keys;
    this.#transports = transports;
  }

  /** A client of `target`'s `service` whose every call carries a fresh context. Calls have a deadline of 15 s unless they set one. */
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
      unary: async (method, signal, timeoutMs, header, input, values) =>
        base.unary(method, signal, timeoutMs ?? 15_000, await headers(header), input, values),
      stream: async (method, signal, timeoutMs, header, input, values) =>
        base.stream(method, signal, timeoutMs, await headers(header), input, values),
    };
  }
}

/** A call's own request, passed on: for the same principal, in the same organization. */
export const onBehalfOf = (caller: Caller): About => ({
  onBehalfOf: caller.subject === 'anonymous' ? undefined : principalOf(caller),
  displayName: caller.displayName,
  orgId: caller.orgId,
  requestId: caller.requestId,
});

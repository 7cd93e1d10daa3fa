import { randomUUID } from 'node:crypto';
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { createTruffleClient, type TruffleClient } from '@truffle/api';
import { version } from '../version.ts';
import { backoff } from './resume.ts';

export interface ConnectionOptions {
  readonly endpoint: string;
  /** Session token or API key. */
  readonly token: string | undefined;
  /** Keeps the token that a session has from now on, or says that another program did; missing where none is kept. */
  readonly kept?: KeptToken | undefined;
  /** Milliseconds that a call may take; streams have none. */
  readonly callMilliseconds: number;
  readonly signal: AbortSignal;
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Lets the person prove again who they are, and answers their new token; missing where nobody is there to be asked. */
  readonly stepUp?: ((api: TruffleClient) => Promise<string>) | undefined;
}

/** Where a session's token is kept between commands. */
export interface KeptToken {
  /** Puts `next` in the place of `token`. */
  readonly replace: (token: string, next: string) => void;
  /** What is kept now. */
  readonly read: () => string | undefined;
}

/** What a client's calls are made with; a proof changes it. */
type Held = Pick<ConnectionOptions, 'kept'> & { token: string | undefined };

/** Name of the header under which a repeated call gets the first one's answer. */
export const idempotencyHeader = 'idempotency-key';

/** Options of a call that may be repeated without being done twice. */
export const keyed = () => ({ headers: { [idempotencyHeader]: randomUUID() } });

const mostTries = 4;
const mostBytes = 16 * 1024 * 1024;

/** A client of the public API at an endpoint. */
export function connect(options: ConnectionOptions): TruffleClient {
  const held: Held = { token: options.token, kept: options.kept };
  return createTruffleClient(
    createConnectTransport({
      baseUrl: options.endpoint,
      httpVersion: '1.1',
      readMaxBytes: mostBytes,
      interceptors: [steppingUp(options, held), authenticating(held), retrying(options), bounded(options)],
    }),
  );
}

/** A dangerous call that wants a fresh proof is made again once it was given. */
function steppingUp(options: ConnectionOptions, held: Held): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      const { stepUp } = options;
      const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
      if (stepUp === undefined || request.stream || info?.reason !== 'STEP_UP_REQUIRED') throw error;
      const before = held.token;
      held.token = await stepUp(connect({ ...options, token: before, stepUp: undefined }));
      if (before !== undefined) options.kept?.replace(before, held.token);
      return next(request);
    }
  };
}

/** Another program of the same person may have given the session a new token meanwhile: what is kept then is tried once. */
function authenticating(held: Held): Interceptor {
  return (next) => async (request) => {
    const used = held.token;
    if (used !== undefined) request.header.set('authorization', `Bearer ${used}`);
    request.header.set('user-agent', `truffle-cli/${version}`);
    try {
      return await next(request);
    } catch (error) {
      const now = used === undefined ? undefined : held.kept?.read();
      const isEnded = ConnectError.from(error).code === Code.Unauthenticated;
      if (!isEnded || request.stream || now === undefined || now === used) throw error;
      held.token = now;
      request.header.set('authorization', `Bearer ${now}`);
      return next(request);
    }
  };
}

/** Calls that may be repeated safely are, while the server can't be reached. */
function retrying({ random, sleep, signal }: ConnectionOptions): Interceptor {
  return (next) => async (request) => {
    const repeatable =
      !request.stream &&
      (request.method.idempotency === Level.NO_SIDE_EFFECTS || request.header.has(idempotencyHeader));
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(request);
      } catch (error) {
        if (!repeatable || attempt >= mostTries || ConnectError.from(error).code !== Code.Unavailable) throw error;
        await sleep(backoff(attempt, random), signal);
      }
    }
  };
}

/** A call ends with the command, and at its own deadline. */
function bounded({ callMilliseconds, signal }: ConnectionOptions): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return next(request);
    const deadline = AbortSignal.timeout(callMilliseconds);
    try {
      return await next({ ...request, signal: AbortSignal.any([request.signal, signal, deadline]) });
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted)
        throw new ConnectError(`the call took longer than ${callMilliseconds} ms`, Code.DeadlineExceeded);
      throw error;
    }
  };
}

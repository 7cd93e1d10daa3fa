import { ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { findErrorInfo } from '../ui/error-info.ts';

/** Every call is its own: one that the network swallowed and the browser sent again is done once. */
const named: Interceptor = (next) => (request) => {
  if (!request.stream && !request.header.has('idempotency-key'))
    request.header.set('idempotency-key', crypto.randomUUID());
  // The session's token is kept in a cookie that no script reads.
  request.header.set('truffle-session', 'cookie');
  return next(request);
};

/** The public API at the origin that the pages came from, without asking anybody to prove who they are. */
export const plainTransport = createConnectTransport({
  baseUrl: globalThis.location.origin,
  interceptors: [named],
  // A call that hangs is a call that failed; streams have no such end.
  defaultTimeoutMs: 60_000,
});

/** Asks the person to prove again who they are; rejects when they would rather not. Set by what is shown for it. */
export const stepUp = { ask: (): Promise<void> => Promise.reject(new Error('nobody is there to ask')) };

/** The public API. A dangerous call that wants a fresh proof is made again, as a new call, once the person gave it. */
export const transport: Transport = {
  stream: plainTransport.stream.bind(plainTransport),
  unary: async (...call) => {
    try {
      return await plainTransport.unary(...call);
    } catch (error) {
      if (findErrorInfo(ConnectError.from(error)).reason !== 'STEP_UP_REQUIRED') throw error;
      try {
        await stepUp.ask();
      } catch {
        throw error;
      }
      return plainTransport.unary(...call);
    }
  },
};

import type { Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';

/** Every call is its own: one that the network swallowed and the browser sent again is done once. */
const named: Interceptor = (next) => (request) => {
  if (!request.stream && !request.header.has('idempotency-key'))
    request.header.set('idempotency-key', crypto.randomUUID());
  // The session's token is kept in a cookie that no script reads.
  request.header.set('truffle-session', 'cookie');
  return next(request);
};

/** The public API at the origin that the pages came from. */
export const transport = createConnectTransport({
  baseUrl: globalThis.location.origin,
  interceptors: [named],
  // A call that hangs is a call that failed; streams have no such end.
  defaultTimeoutMs: 60_000,
});

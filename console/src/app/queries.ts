import { Code, ConnectError } from '@connectrpc/connect';
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { findErrorInfo } from '../ui/error-info.ts';

/** What another try may mend. */
const passing = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.Unknown]);
const mostTries = 3;

/** What happens when the session is over: set by the router, which knows the way to the sign-in page. */
export const session = { onOver: (): void => undefined };

/** A wrong password or code is no end of a session. */
const over = new Set(['NO_CREDENTIAL', 'INVALID_CREDENTIAL']);
const isOver = (error: Error): boolean => over.has(findErrorInfo(ConnectError.from(error)).reason ?? '');
const told = (error: Error): void => {
  if (isOver(error)) session.onOver();
};

/** Answers are shown at once and asked again when an event says that they changed (see live.tsx), or after a minute. */
export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: (error, { meta }) => meta?.['quiet'] !== true && told(error) }),
  mutationCache: new MutationCache({ onError: told }),
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      retry: (tries, error) => tries < mostTries && passing.has(ConnectError.from(error).code),
      // Full jitter, as everywhere.
      retryDelay: (tries) => Math.random() * Math.min(10_000, 500 * 2 ** tries),
    },
  },
});

import { Code, ConnectError } from '@connectrpc/connect';
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';

/** What another try may mend. */
const passing = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.Unknown]);
const mostTries = 3;

/** What happens when the session is over: set by the router, which knows the way to the sign-in page. */
export const session = { onOver: (): void => undefined };

const isOver = (error: Error): boolean => ConnectError.from(error).code === Code.Unauthenticated;
const told = (error: Error): void => {
  if (isOver(error)) session.onOver();
};

/** Answers are shown at once and asked again when an event says that they changed (see live.tsx), or after a minute. */
export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: told }),
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

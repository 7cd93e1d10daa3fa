import { createQueryOptions, useTransport } from '@connectrpc/connect-query';
import { useQueries } from '@tanstack/react-query';
import { AccessService } from '@truffle/api/tenant/v1/access_service';

/** Whether something may be done, and where not, why: in the server's words. */
export interface May {
  readonly allowed: boolean;
  /** Empty while it is allowed or not known yet. */
  readonly reason: string;
}

const hourMs = 3_600_000;
/** Of more places than this the first ones stand for all. */
const mostAsked = 10;

/**
 * Whether the signed-in person may do something with a resource. It only decides what a page offers: the server decides what is done.
 * @param permission `<noun>.<verb>` as the method that would be called names it
 * @param on id of what it would be done with or in, empty while it is not known; of several, one that they may is enough
 */
export function useMay(permission: string, on: string | readonly string[]): May {
  const transport = useTransport();
  const ids = (typeof on === 'string' ? [on] : on).filter((id) => id !== '').slice(0, mostAsked);
  return useQueries({
    queries: ids.map((resourceId) => ({
      ...createQueryOptions(AccessService.method.explainOwnAccess, { permission, resourceId }, { transport }),
      // An event tells of every change of roles (see live.tsx).
      staleTime: hourMs,
      retry: false,
    })),
    combine: (answers) => ({
      // Where nothing is known the button is there, and the server says why it refuses.
      allowed: answers.some(({ data, isError }) => isError || data?.allowed === true),
      reason: answers.every(({ data }) => data?.allowed === false) ? (answers[0]?.data?.summary ?? '') : '',
    }),
  });
}

import { useQuery } from '@connectrpc/connect-query';
import { AccessService } from '@truffle/api/tenant/v1/access_service';

/** Whether something may be done, and where not, why: in the server's words. */
export interface May {
  readonly allowed: boolean;
  /** Empty while it is allowed or not known yet. */
  readonly reason: string;
}

const hourMs = 3_600_000;

/**
 * Whether the signed-in person may do something with a resource. It only decides what a page offers: the server decides what is done.
 * @param permission `<noun>.<verb>` as the method that would be called names it
 * @param resourceId what it would be done with or in; empty while it is not known
 */
export function useMay(permission: string, resourceId: string): May {
  const { data, isError } = useQuery(
    AccessService.method.explainOwnAccess,
    { permission, resourceId },
    // An event tells of every change of roles (see live.tsx).
    { enabled: resourceId !== '', staleTime: hourMs, retry: false },
  );
  // Where nothing is known the button is there, and the server says why it refuses.
  return { allowed: isError || data?.allowed === true, reason: data?.allowed === false ? data.summary : '' };
}

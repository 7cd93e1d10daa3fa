import type { ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from '@truffle/api/google/rpc/error_details';

export interface Told {
  readonly message: string;
  /** `UPPER_SNAKE`, for code that decides by it. */
  readonly reason: string | undefined;
  readonly requestId: string | undefined;
  readonly fields: readonly { readonly field: string; readonly description: string }[];
}

/** What an error of the API says beside its code. */
export function findErrorInfo(error: ConnectError): Told {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [request] = error.findDetails(RequestInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    message: error.rawMessage,
    reason: info?.reason,
    requestId: request?.requestId ?? error.metadata.get('x-request-id') ?? undefined,
    fields: (bad?.fieldViolations ?? []).map(({ field, description }) => ({ field, description })),
  };
}

import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, QuotaFailureSchema } from '@truffle/api/google/rpc/error_details';
import type { QuotaExceededError } from './quota.ts';

/** The refusal as a status: RESOURCE_EXHAUSTED with `google.rpc.QuotaFailure`. It passes unchanged through the service that asked. */
export function quotaStatus(error: QuotaExceededError): ConnectError {
  const { orgId, quota, plan, limit, used, amount } = error.refusal;
  const status = new ConnectError(error.message, Code.ResourceExhausted);
  const metadata = { quota, plan, limit: String(limit), used: String(used), amount: String(amount) };
  status.details.push(
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: error.code, domain: 'truffle.dev', metadata }) },
    {
      desc: QuotaFailureSchema,
      value: create(QuotaFailureSchema, {
        violations: [{ subject: `organization:${orgId}`, description: error.message }],
      }),
    },
  );
  return status;
}

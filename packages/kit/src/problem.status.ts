import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { InvalidPageTokenError, isDatabaseAway } from '@truffle/database';
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from '@truffle/api/google/rpc/error_details';
import { InvalidProblem, Problem } from './problem.ts';

/** The status that a caller gets for what was thrown; `internal` says that the cause belongs in the log. */
export function statusOf(
  error: unknown,
  requestId: string,
): { readonly status: ConnectError; readonly internal: boolean } {
  if (error instanceof ConnectError)
    return { status: error, internal: error.code === Code.Internal || error.code === Code.Unknown };
  const problem =
    error instanceof InvalidPageTokenError
      ? new InvalidProblem([{ field: 'page.token', description: error.message, reason: 'INVALID_PAGE_TOKEN' }])
      : error;
  // The caller may try again; the cause is still one for the log.
  if (isDatabaseAway(error)) return { status: problemStatus(databaseAway, requestId), internal: true };
  if (problem instanceof Problem) return { status: problemStatus(problem, requestId), internal: false };
  const status = new ConnectError(`internal error; quote request ${requestId} when you report it`, Code.Internal);
  status.details.push({ desc: RequestInfoSchema, value: create(RequestInfoSchema, { requestId }) });
  return { status, internal: true };
}

const databaseAway = new Problem(
  Code.Unavailable,
  'DATABASE_UNAVAILABLE',
  'the database cannot be reached now; try again',
);

function problemStatus(problem: Problem, requestId: string): ConnectError {
  const status = new ConnectError(problem.message, problem.code);
  status.details.push({
    desc: ErrorInfoSchema,
    value: create(ErrorInfoSchema, {
      reason: problem.reason,
      domain: 'truffle.dev',
      metadata: { ...problem.parameters },
    }),
  });
  if (problem.fields.length > 0)
    status.details.push({
      desc: BadRequestSchema,
      value: create(BadRequestSchema, {
        fieldViolations: problem.fields.map((f) => ({
          field: f.field,
          description: f.description,
          reason: f.reason ?? '',
        })),
      }),
    });
  status.details.push(...problem.details);
  status.details.push({ desc: RequestInfoSchema, value: create(RequestInfoSchema, { requestId }) });
  return status;
}

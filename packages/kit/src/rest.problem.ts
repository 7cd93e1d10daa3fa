import { toJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, codeToString, errorFromJson } from '@connectrpc/connect/protocol-connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@truffle/api/google/rpc/error_details';
import { ProofChallengeSchema } from '@truffle/api/tenant/v1/session';

/** Problem details (RFC 9457), ready to be sent. */
export interface ProblemDocument {
  readonly requestId: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

/** A failed call as problem details. `status` stands where no code says it, e.g. 405. */
export function problemDocument(
  error: ConnectError,
  requestId: string,
  status = codeToHttpStatus(error.code),
): ProblemDocument {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  const [proof] = error.findDetails(ProofChallengeSchema);
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const retryAfter =
    error.metadata.get('retry-after') ??
    (delay === undefined ? undefined : String(Math.max(1, Number(delay.seconds) + (delay.nanos > 0 ? 1 : 0))));
  const code = codeToString(error.code);
  const reason = info?.reason ?? code.toUpperCase();
  const id = error.findDetails(RequestInfoSchema)[0]?.requestId ?? requestId;
  return {
    requestId: id,
    status,
    headers: {
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: {
      type: `urn:truffle:problem:${reason.toLowerCase().replaceAll('_', '-')}`,
      title: code.charAt(0).toUpperCase() + code.slice(1).replaceAll('_', ' '),
      status,
      detail: error.rawMessage,
      code,
      reason,
      ...(info === undefined ? {} : { parameters: { ...info.metadata } }),
      errors: (bad?.fieldViolations ?? []).map((v) => ({
        field: v.field,
        description: v.description,
        ...(v.reason === '' ? {} : { reason: v.reason }),
      })),
      ...(proof === undefined ? {} : { challenge: toJson(ProofChallengeSchema, proof) }),
      requestId: id,
    },
  };
}

/** The error in a Connect answer's JSON. */
export function errorOf(json: JsonValue | undefined, metadata: Headers): ConnectError {
  const fallback = new ConnectError('the service gave no answer that can be read', Code.Unknown, metadata);
  return json === undefined ? fallback : errorFromJson(json, metadata, fallback);
}

import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';

/** A message that goes along with an error. */
export interface OutgoingDetail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

export interface FieldProblem {
  /** Path in the request, e.g. `spec.name`. */
  readonly field: string;
  readonly description: string;
  /** Stable code in UPPER_SNAKE_CASE. */
  readonly reason?: string;
}

/**
 * An error that a caller is meant to see. Subclasses are named where they arise; one interceptor maps them to a status with
 * ErrorInfo (and BadRequest for fields). Anything else that is thrown becomes "internal error" with its cause in the log only.
 */
export class Problem extends Error {
  override readonly name: string = 'Problem';
  readonly code: Code;
  /** Stable code in UPPER_SNAKE_CASE, for programs; texts may change, this may not. */
  readonly reason: string;
  /** Values that the message speaks of. Never a secret. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly fields: readonly FieldProblem[];
  /** Whose audit trail tells of the refusal, and of what, where the call itself does not say. Never shown to the caller. */
  readonly record: { readonly orgId: string; readonly resourceId?: string | undefined } | undefined;
  /** What programs go on with; goes to the caller only and never into a log or the audit trail. */
  readonly details: readonly OutgoingDetail[];

  constructor(
    code: Code,
    reason: string,
    message: string,
    rest: {
      readonly parameters?: Readonly<Record<string, string>>;
      readonly fields?: readonly FieldProblem[];
      readonly details?: readonly OutgoingDetail[];
      readonly cause?: unknown;
      readonly record?: Problem['record'];
    } = {},
  ) {
    super(message, rest.cause === undefined ? {} : { cause: rest.cause });
    this.code = code;
    this.reason = reason;
    this.parameters = rest.parameters ?? {};
    this.fields = rest.fields ?? [];
    this.record = rest.record;
    this.details = rest.details ?? [];
  }
}

/** What was asked for is not there, or the caller may not know that it is. */
export class NotFoundProblem extends Problem {
  override readonly name = 'NotFoundProblem';
  constructor(what: string, id: string) {
    super(Code.NotFound, 'NOT_FOUND', `${what} ${id} was not found`, { parameters: { resource: what, id } });
  }
}

/** A name or a thing is taken. */
export class AlreadyExistsProblem extends Problem {
  override readonly name = 'AlreadyExistsProblem';
  constructor(what: string, name: string, field = 'name') {
    super(Code.AlreadyExists, 'ALREADY_EXISTS', `${what} ${name} exists already`, {
      parameters: { resource: what, name },
      fields: [{ field, description: 'is taken', reason: 'ALREADY_EXISTS' }],
    });
  }
}

/** The caller saw an older revision. */
export class StaleRevisionProblem extends Problem {
  override readonly name = 'StaleRevisionProblem';
  constructor(what: string, id: string, seen: bigint, current: bigint) {
    super(
      Code.Aborted,
      'STALE_REVISION',
      `${what} ${id} has changed: you saw revision ${seen}, it is at ${current}; read it again`,
      {
        parameters: { resource: what, id, seen: String(seen), current: String(current) },
      },
    );
  }
}

/** Something in the request is wrong. */
export class InvalidProblem extends Problem {
  override readonly name = 'InvalidProblem';
  constructor(fields: readonly FieldProblem[], reason = 'INVALID_ARGUMENT') {
    super(
      Code.InvalidArgument,
      reason,
      fields.map((f) => `${f.field}: ${f.description}`).join('; ') || 'the request is not valid',
      { fields },
    );
  }
}

/** The resource is not in a state that allows this. */
export class PreconditionProblem extends Problem {
  override readonly name = 'PreconditionProblem';
  constructor(reason: string, message: string, parameters: Readonly<Record<string, string>> = {}) {
    super(Code.FailedPrecondition, reason, message, { parameters });
  }
}

/** The credential is missing, wrong or ended. */
export class UnauthenticatedProblem extends Problem {
  override readonly name = 'UnauthenticatedProblem';
  constructor(reason: string, message: string, record?: Problem['record']) {
    super(Code.Unauthenticated, reason, message, { record });
  }
}

/** The caller may know that the resource is there but may not do this with it. */
export class PermissionProblem extends Problem {
  override readonly name = 'PermissionProblem';
  constructor(permission: string, scope: string, orgId?: string) {
    super(
      Code.PermissionDenied,
      'PERMISSION_DENIED',
      `this needs the permission ${permission} on ${scope}; why it is missing: truffle access explain ${permission} ${scope}`,
      {
        parameters: { permission, scope },
        record: orgId === undefined ? undefined : { orgId },
      },
    );
  }
}

/** Failures as the real API raises them; `code` names the kind for readers of logs. */

/** An answer with an HTTP status, a message (first line becomes the reason phrase) and, for 400s, the error per parameter. */
export class ApiError extends Error {
  readonly code: string = 'PVE_API';
  readonly status: number;
  readonly errors: Record<string, string> | undefined;

  constructor(status: number, message: string, errors?: Record<string, string>) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.errors = errors;
  }
}

/** 400 "Parameter verification failed." with one text per parameter. */
export class ParameterError extends ApiError {
  override readonly code = 'PVE_PARAMETER';
  constructor(errors: Record<string, string>) {
    super(400, 'Parameter verification failed.', errors);
    this.name = 'ParameterError';
  }
}

/** 403; `detail` is what the real one puts between brackets, nothing when it says no more. */
export class PermissionError extends ApiError {
  override readonly code = 'PVE_PERMISSION';
  constructor(detail?: string) {
    super(403, detail === undefined ? 'Permission check failed' : `Permission check failed (${detail})`);
    this.name = 'PermissionError';
  }
}

/** 401 of the authentication layer: no body, answered late. */
export class AuthError extends ApiError {
  override readonly code = 'PVE_AUTH';
  constructor(reason: string) {
    super(401, reason);
    this.name = 'AuthError';
  }
}

/** A plain `die`: 500 when synchronous, the exit status when inside a task. */
export class RunError extends ApiError {
  override readonly code = 'PVE_RUN';
  constructor(message: string) {
    super(500, message);
    this.name = 'RunError';
  }
}

/** A failure that leaves its traces, as the real one does when a storage lock times out. */
export class HalfDone extends RunError {
  override readonly code = 'PVE_RUN';
}

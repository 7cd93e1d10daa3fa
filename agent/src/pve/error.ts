/** How sure it is that a failed call had no effect. */
export type Reach = 'refused' | 'not-sent' | 'uncertain';

/** A call that Proxmox VE refused or never answered. Carries no parameters, as those can be secret. */
export class PveError extends Error {
  override readonly name = 'PveError';
  readonly code = 'PVE_CALL_FAILED';
  /** `METHOD /path`, without query and body. */
  readonly operation: string;
  /** HTTP status; 0 when no answer came. 595, 596 and 599 are a proxying node's words for "the other node did not answer". */
  readonly status: number;
  /** The reason phrase, or the body's message, whichever says more. */
  readonly reason: string;
  /** What is wrong, by parameter. */
  readonly errors: Readonly<Record<string, string>>;
  /** `refused`: it answered no; `not-sent`: it never got the call; `uncertain`: it may have acted. */
  readonly reach: Reach;

  constructor(
    operation: string,
    parts: { status: number; reason: string; errors?: Readonly<Record<string, string>>; reach: Reach; cause?: unknown },
  ) {
    const errors = parts.errors ?? {};
    const details = Object.entries(errors).map(([key, text]) => `${key}: ${text.trim()}`);
    const what = [parts.reason, ...details].join('; ');
    super(`${operation}: ${parts.status === 0 ? '' : `${parts.status} `}${what}`, { cause: parts.cause });
    this.operation = operation;
    this.status = parts.status;
    this.reason = parts.reason;
    this.errors = errors;
    this.reach = parts.reach;
  }

  /** All that it said, in one line. */
  get text(): string {
    return [this.reason, ...Object.entries(this.errors).map(([key, text]) => `${key}: ${text.trim()}`)].join('; ');
  }
}

/** A task that ended otherwise than OK. */
export class PveTaskError extends Error {
  override readonly name = 'PveTaskError';
  readonly code = 'PVE_TASK_FAILED';
  readonly upid: string;
  readonly exitStatus: string;
  /** The end of its log, oldest line first. */
  readonly logTail: readonly string[];

  constructor(upid: string, exitStatus: string, logTail: readonly string[]) {
    super(`task ${upid} failed: ${exitStatus}`);
    this.upid = upid;
    this.exitStatus = exitStatus;
    this.logTail = logTail;
  }
}

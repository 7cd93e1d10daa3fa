/** What the program's exit code says. Documented in docs/cli.md; stable. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  notSignedIn: 4,
  notFound: 5,
  conflict: 6,
  quota: 7,
  timeout: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface Rest {
  /** More lines: what is wrong where. */
  readonly details?: readonly string[];
  /** What to do next: commands or sentences. */
  readonly next?: readonly string[];
  readonly cause?: unknown;
}

/** An error that the person at the terminal is meant to read. Subclasses are named by what went wrong. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly exitCode: ExitCode;
  /** Stable, in UPPER_SNAKE_CASE. */
  readonly code: string;
  readonly details: readonly string[];
  readonly next: readonly string[];

  constructor(exitCode: ExitCode, code: string, message: string, rest: Rest = {}) {
    super(message, rest.cause === undefined ? {} : { cause: rest.cause });
    this.exitCode = exitCode;
    this.code = code;
    this.details = rest.details ?? [];
    this.next = rest.next ?? [];
  }
}

/** The command line, a file or an answer is wrong. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';
  constructor(message: string, rest: Rest = {}) {
    super(exitCodes.usage, 'USAGE', message, rest);
  }
}

/** Nobody is signed in at the endpoint. */
export class NotSignedInError extends CliError {
  override readonly name = 'NotSignedInError';
  constructor(endpoint: string) {
    super(exitCodes.notSignedIn, 'NOT_SIGNED_IN', `you are not signed in at ${endpoint}`, {
      next: ['truffle login', 'or, in scripts: set TRUFFLE_TOKEN or TRUFFLE_TOKEN_FILE to an API key'],
    });
  }
}

/** Nothing has the name. */
export class UnknownNameError extends CliError {
  override readonly name = 'UnknownNameError';
  constructor(noun: string, name: string, next: readonly string[], near?: string) {
    super(
      exitCodes.notFound,
      'NOT_FOUND',
      `there is no ${noun} ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`,
      { next },
    );
  }
}

/** More than one thing has the name. */
export class AmbiguousNameError extends CliError {
  override readonly name = 'AmbiguousNameError';
  constructor(noun: string, name: string, ids: readonly string[]) {
    super(exitCodes.usage, 'AMBIGUOUS_NAME', `more than one ${noun} is called ${JSON.stringify(name)}`, {
      details: ids,
      next: ['give the id instead of the name'],
    });
  }
}

/** The time of `--timeout` is over. */
export class TimedOutError extends CliError {
  override readonly name = 'TimedOutError';
  constructor(what: string, next: readonly string[] = []) {
    super(exitCodes.timeout, 'TIMED_OUT', what, { next });
  }
}

/** Ctrl-C. */
export class InterruptedError extends CliError {
  override readonly name = 'InterruptedError';
  constructor(what = 'interrupted', next: readonly string[] = []) {
    super(exitCodes.interrupted, 'INTERRUPTED', what, { next });
  }
}

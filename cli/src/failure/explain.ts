import { Code, ConnectError } from '@connectrpc/connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@truffle/api/google/rpc/error_details';
import { CliError, exitCodes, type ExitCode } from './cli-error.ts';

/** An error as it is shown. */
export interface Explained {
  readonly exitCode: ExitCode;
  /** Stable, in UPPER_SNAKE_CASE. */
  readonly code: string;
  readonly message: string;
  readonly details: readonly string[];
  /** What to do next; never empty. */
  readonly next: readonly string[];
  readonly requestId?: string;
}

const exitOf: Partial<Record<Code, ExitCode>> = {
  [Code.InvalidArgument]: exitCodes.usage,
  [Code.OutOfRange]: exitCodes.usage,
  [Code.Unauthenticated]: exitCodes.notSignedIn,
  [Code.NotFound]: exitCodes.notFound,
  [Code.AlreadyExists]: exitCodes.conflict,
  [Code.Aborted]: exitCodes.conflict,
  [Code.FailedPrecondition]: exitCodes.conflict,
  [Code.DeadlineExceeded]: exitCodes.timeout,
  [Code.Canceled]: exitCodes.interrupted,
};

/** What to do about a status, by its reason where that says more than its code. */
const nextByReason: Readonly<Record<string, string>> = {
  STALE_SEALING_KEY: 'run the command again: the agent has a new sealing key',
  HOLDER_UNKNOWN: 'truffle agent get, and truffle-agent status on the machine that shall go on',
  FINGERPRINT_MISMATCH:
    'compare again; if the site prints these words, another machine used its token: truffle agent delete',
  AGENT_OFFLINE: 'see since when (truffle agent get), start it on its site, then repeat the command',
  STALE_REVISION: 'look at it again, then repeat the command',
  WRONG_CREDENTIALS: 'check the address and the password, then: truffle login --password',
  MFA_REQUIRED:
    'sign in in a browser (truffle login), on a terminal, or with an API key: truffle login --token-file FILE',
  NO_PUBLIC_URL: 'truffle login --password',
  ACTING_FOR_SOMEBODY: 'do it as yourself: leave --context as-… away',
  SSO_REQUIRED: 'truffle login, and sign in by your provider in the browser',
  STEP_UP_REQUIRED: 'repeat the command on a terminal, where you are asked; or use an API key',
  MFA_ENROLMENT_REQUIRED: 'truffle account add-app NAME, or add a passkey in the console',
  WRONG_PROOF: 'repeat the command with the next code that your app shows',
  LINK_NOT_GOOD: 'ask for a new mail, and use the newest',
  ADDRESS_NOT_VERIFIED: 'truffle account resend EMAIL, then truffle account verify',
  NO_SECOND_FACTOR: 'truffle account add-app NAME',
  SECOND_FACTOR_DEMANDED: 'add another one first: truffle account add-app NAME',
  ALREADY_MEMBER: 'ask an owner or admin: truffle member set EMAIL --role ROLE',
  OTHER_ADDRESS: 'truffle login with the account of that address, or truffle account create EMAIL --invited',
  TOO_MANY_ATTEMPTS: 'wait 15 minutes, or set a new password: truffle account reset EMAIL',
  LAST_OWNER: 'make somebody else an owner first: truffle member set EMAIL --role owner',
  IDEMPOTENT_CALL_IN_PROGRESS: 'wait a moment, then repeat the command',
};

const nextByCode: Partial<Record<Code, string>> = {
  [Code.InvalidArgument]: 'correct what is named above; --help lists what the command takes',
  [Code.Unauthenticated]: 'truffle login',
  [Code.NotFound]: 'check the name or id, and the organization and project: truffle context show',
  [Code.PermissionDenied]:
    'see why (truffle access explain), then ask an owner or admin for the role: truffle member list',
  [Code.AlreadyExists]: 'choose another name, or use the one that exists',
  [Code.Aborted]: 'read it again, then repeat the command',
  [Code.FailedPrecondition]: 'see what it is doing now, then repeat the command',
  [Code.ResourceExhausted]: 'see what is in use: truffle entitlements',
  [Code.Unavailable]: 'check the endpoint (truffle context show) and that the control plane runs (npm start)',
  [Code.DeadlineExceeded]: 'repeat the command with a longer --timeout',
  [Code.Unimplemented]: 'the control plane is older or newer than this program: use the same version',
};

const fallback = 'repeat the command; if it stays, report it with the request id';

/** What to show for anything thrown, and the exit code. `endpoint` is where the calls went. */
export function explain(error: unknown, endpoint: string): Explained {
  if (error instanceof CliError)
    return {
      exitCode: error.exitCode,
      code: error.code,
      message: error.message,
      details: error.details,
      next:
        error.next.length > 0
          ? error.next
          : [error.exitCode === exitCodes.interrupted ? 'repeat the command to go on' : 'truffle --help'],
    };
  if (error instanceof ConnectError) return explainStatus(error, endpoint);
  const message = error instanceof Error ? error.message : String(error);
  return {
    exitCode: exitCodes.failure,
    code: 'UNEXPECTED',
    message,
    details: [],
    next: ['this is a defect of the program: report it with TRUFFLE_DEBUG=1 set'],
  };
}

function explainStatus(status: ConnectError, endpoint: string): Explained {
  const [info] = status.findDetails(ErrorInfoSchema);
  const [retry] = status.findDetails(RetryInfoSchema);
  const requestId =
    status.findDetails(RequestInfoSchema)[0]?.requestId ?? status.metadata.get('x-request-id') ?? undefined;
  const violations = status.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  const quotas = status.findDetails(QuotaFailureSchema).flatMap((each) => each.violations);
  const exhausted = status.code === Code.ResourceExhausted;
  const code = info?.reason || codeName(status.code);
  return {
    exitCode: exhausted
      ? retry === undefined
        ? exitCodes.quota
        : exitCodes.failure
      : (exitOf[status.code] ?? exitCodes.failure),
    code,
    message:
      status.code === Code.Unavailable && info === undefined
        ? `can't reach ${endpoint}: ${rootCause(status)}`
        : status.rawMessage,
    details: [
      ...violations.map((each) => `${each.field}: ${each.description}`),
      ...quotas.map((each) => `${each.subject}: ${each.description}`),
    ],
    next: [
      exhausted && retry !== undefined
        ? `wait ${retry.retryDelay?.seconds ?? 1n} s, then repeat the command`
        : (nextByReason[code] ?? nextByCode[status.code] ?? fallback),
    ],
    ...(requestId === undefined || requestId === '' ? {} : { requestId }),
  };
}

/** The innermost cause: it names the address that refused. */
function rootCause(status: ConnectError): string {
  let cause: unknown = status.cause;
  let text = status.rawMessage;
  while (cause instanceof Error) {
    const inner = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
    text = cause.message || text;
    cause = inner;
  }
  return text;
}

const codeName = (code: Code): string => (Code[code] ?? 'Unknown').replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();

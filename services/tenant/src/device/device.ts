import { Code } from '@connectrpc/connect';
import { Problem } from '@truffle/kit';

export const deviceLifetimeMs = 10 * 60_000;
export const pollSeconds = 5;
export const longestPollSeconds = 60;

/** Nobody has decided yet. */
export class AuthorizationPendingProblem extends Problem {
  override readonly name = 'AuthorizationPendingProblem';
  constructor() {
    super(Code.FailedPrecondition, 'AUTHORIZATION_PENDING', 'nobody has approved the sign-in yet; ask again later');
  }
}

/** The program asks too often. */
export class SlowDownProblem extends Problem {
  override readonly name = 'SlowDownProblem';
  constructor(intervalSeconds: number) {
    super(Code.ResourceExhausted, 'SLOW_DOWN', `ask at most once in ${intervalSeconds} seconds`, {
      parameters: { intervalSeconds: String(intervalSeconds) },
    });
  }
}

/** The person refused. */
export class LoginDeniedProblem extends Problem {
  override readonly name = 'LoginDeniedProblem';
  constructor() {
    super(Code.PermissionDenied, 'LOGIN_DENIED', 'the sign-in was refused');
  }
}

/** The code is none that waits: the same whatever is wrong with it. */
export class DeviceCodeProblem extends Problem {
  override readonly name = 'DeviceCodeProblem';
  constructor() {
    super(Code.NotFound, 'CODE_NOT_GOOD', 'the code is wrong, was used, or has ended; begin the sign-in again');
  }
}

import { Code } from '@connectrpc/connect';
import { ProofChallengeSchema, type ProofChallenge } from '@truffle/api/tenant/v1/session';
import { Problem } from '@truffle/kit';

/** Second factors that one person may have. */
export const mostFactors = 10;
/** How long an authenticator app that was begun to be added waits for its first code. */
export const enrolmentMs = 15 * 60_000;

/** The password was right, and a second factor is due. */
export class MfaRequiredProblem extends Problem {
  override readonly name = 'MfaRequiredProblem';
  constructor(challenge: ProofChallenge) {
    super(
      Code.Unauthenticated,
      'MFA_REQUIRED',
      'a second factor is due: give a code or a passkey to CompleteSignIn, with the challenge in the details',
      { details: [{ desc: ProofChallengeSchema, value: challenge }] },
    );
  }
}

/** A code, passkey or challenge was not the right one: the same whatever is wrong with it. */
export class WrongProofProblem extends Problem {
  override readonly name = 'WrongProofProblem';
  /** `record` says whose audit trail is told, where the call is nobody's yet. */
  constructor(record?: Problem['record']) {
    super(
      Code.Unauthenticated,
      'WRONG_PROOF',
      'the code or passkey is wrong, was used, or its challenge has ended; try again',
      { record },
    );
  }
}

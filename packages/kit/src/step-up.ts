import { Code } from '@connectrpc/connect';
import type { Caller } from './caller.ts';
import { Problem } from './problem.ts';

/** How long a proof of who one is opens dangerous actions. */
export const stepUpMs = 10 * 60_000;

/** A dangerous action, and the person proved who they are too long ago. */
export class StepUpRequiredProblem extends Problem {
  override readonly name = 'StepUpRequiredProblem';
  constructor() {
    super(
      Code.PermissionDenied,
      'STEP_UP_REQUIRED',
      'this is dangerous: prove again who you are (StartStepUp, StepUp), then repeat the call within 10 minutes',
    );
  }
}

/** The organization lets its members in only with a second factor, and the caller has none. */
export class EnrolmentRequiredProblem extends Problem {
  override readonly name = 'EnrolmentRequiredProblem';
  constructor(orgId: string) {
    super(
      Code.PermissionDenied,
      'MFA_ENROLMENT_REQUIRED',
      `the organization ${orgId} demands a second factor of its members: add an authenticator app or a passkey to your account`,
      { parameters: { orgId } },
    );
  }
}

/** The organization lets people of its domain in only by its provider, and the caller's session was opened otherwise. */
export class ProviderRequiredProblem extends Problem {
  override readonly name = 'ProviderRequiredProblem';
  constructor(orgId: string) {
    super(
      Code.PermissionDenied,
      'SSO_REQUIRED',
      `the organization ${orgId} demands that you sign in by its provider: sign in again by your address`,
      { parameters: { orgId } },
    );
  }
}

/**
 * The organization ended the caller's sessions, and lets them in with a new proof of who they are. Clients ask for it as for any other proof,
 * so the reason is the same.
 */
export class ProofRequiredProblem extends Problem {
  override readonly name = 'ProofRequiredProblem';
  constructor(orgId: string) {
    super(
      Code.PermissionDenied,
      'STEP_UP_REQUIRED',
      `the organization ${orgId} ended your sessions: sign in again, or prove again who you are (StartStepUp, StepUp) and repeat the call`,
      { parameters: { orgId } },
    );
  }
}

/** Whether a dangerous action is open to the caller. What is no session (a key, a service) is bounded by its permissions alone. */
export const isSteppedUp = (caller: Caller, now: number): boolean =>
  caller.sessionId === undefined || (caller.authenticatedAt !== undefined && now - caller.authenticatedAt < stepUpMs);

/** For a call that only some of its requests make dangerous. @throws StepUpRequiredProblem */
export function demandStepUp(caller: Caller, now: number): void {
  if (!isSteppedUp(caller, now)) throw new StepUpRequiredProblem();
}

import { Code } from '@connectrpc/connect';
import { Problem } from '@truffle/kit';

const hour = 60 * 60_000;

/** What links are for, and how long each is good. */
export const linkLifetimes = {
  sign_up: 24 * hour,
  verify: 24 * hour,
  reset: hour,
  invitation: 7 * 24 * hour,
  address_change: 24 * hour,
  address_keep: 7 * 24 * hour,
} as const;

export type LinkKind = keyof typeof linkLifetimes;

/** The token is not one of a link that is good: the same whatever is wrong with it. */
export class LinkProblem extends Problem {
  override readonly name = 'LinkProblem';
  constructor() {
    super(
      Code.FailedPrecondition,
      'LINK_NOT_GOOD',
      'the link is wrong, was used, or has ended; ask for a new one and use the newest mail',
      { fields: [{ field: 'token', description: 'is not good', reason: 'LINK_NOT_GOOD' }] },
    );
  }
}

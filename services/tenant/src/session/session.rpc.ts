import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Proof, SessionService } from '@truffle/api/tenant/v1/session_service';
import { pageOf } from '@truffle/database';
import { callerOf } from '@truffle/kit';
import { userMessage } from '../account/account.codec.ts';
import { demandPerson } from '../account/person.usecases.ts';
import { WrongProofProblem } from '../factor/factor.ts';
import type { TenantParts } from '../parts.ts';
import { sessionMessage } from './session.codec.ts';
import { listSessions } from './session.repo.ts';
import { revokeOtherSessions, revokeSession } from './session.usecases.ts';
import { presentedSession, replacing } from './replaced.usecases.ts';
import { completeSignIn, startPasskeySignIn, startStepUp, stepUp } from './step-up.usecases.ts';

export const sessionRpc = (parts: TenantParts): ServiceImpl<typeof SessionService> => ({
  listSessions: async (request, context) => {
    const { user, sessionId } = await demandPerson(parts, callerOf(context));
    const page = pageOf(request.page);
    const found = await parts.identity.anywhere((tx) =>
      listSessions(tx, user.id, parts.now(), page.after, page.limit + 1),
    );
    const { rows, next } = page.cut(found, (row) => row.id);
    return { sessions: rows.map((row) => sessionMessage(row, sessionId)), page: { next } };
  },
  revokeSession: async (request, context) => {
    await revokeSession(parts, callerOf(context), request.sessionId);
    return {};
  },
  revokeOtherSessions: async (_request, context) => ({ ended: await revokeOtherSessions(parts, callerOf(context)) }),
  startPasskeySignIn: async () => ({ challenge: await startPasskeySignIn(parts) }),
  completeSignIn: async (request, context) => {
    const caller = callerOf(context);
    const made = await completeSignIn(parts, caller, given(request.proof));
    const opened = await replacing(parts, caller, context.requestHeader, made);
    return {
      user: userMessage(opened.user),
      sessionToken: opened.sessionToken,
      expiresAt: timestampFromDate(opened.expiresAt),
    };
  },
  startStepUp: async (_request, context) => ({ challenge: await startStepUp(parts, callerOf(context)) }),
  stepUp: async (request, context) => {
    const presented = presentedSession(context.requestHeader);
    const made = await stepUp(parts, callerOf(context), presented, given(request.proof));
    return {
      openUntil: timestampFromDate(made.openUntil),
      sessionToken: made.sessionToken,
      expiresAt: timestampFromDate(made.expiresAt),
    };
  },
});

/** The contract demands it; its type does not know. */
function given(proof: Proof | undefined): Proof {
  if (proof === undefined) throw new WrongProofProblem();
  return proof;
}

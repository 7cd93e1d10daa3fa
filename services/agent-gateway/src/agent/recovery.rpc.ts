import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  GetRecoveryChallengeResponseSchema,
  RecoverAgentResponseSchema,
  type RecoveryService,
} from '@truffle/api/agent/v1/recovery_service';
import { callerOf } from '@truffle/kit';
import { recoverAgent, recoveryChallenge, type RecoveryParts } from './recovery.usecases.ts';

/** How an agent comes back whose certificate has ended; `endpoints` is where it dials then. */
export const recoveryRpc = (
  parts: RecoveryParts,
  endpoints: () => readonly string[],
): ServiceImpl<typeof RecoveryService> => ({
  getRecoveryChallenge: async (request) => {
    const { challenge, expiresAt } = recoveryChallenge(parts, request.agentId, new Date());
    return create(GetRecoveryChallengeResponseSchema, { challenge, expiresAt: timestampFromDate(expiresAt) });
  },
  recoverAgent: async (request, context) =>
    create(RecoverAgentResponseSchema, {
      certificate: await recoverAgent(parts, callerOf(context), request),
      authorities: parts.authorities.ders,
      endpoints: [...endpoints()],
    }),
});

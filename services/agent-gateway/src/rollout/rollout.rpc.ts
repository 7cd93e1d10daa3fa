import { create } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  AgentUpdateSchema,
  RolloutSchema,
  RolloutState,
  UpdateOutcome,
  type AgentUpdate,
} from '@truffle/api/agent/v1/rollout';
import type { RolloutService } from '@truffle/api/agent/v1/rollout_service';
import {
  CheckUpdateResponseSchema,
  type CheckUpdateRequest,
  type CheckUpdateResponse,
} from '@truffle/api/agent/v1/update_service';
import { callerOf } from '@truffle/kit';
import type { CertificateHolder } from '../agent/certificate.usecases.ts';
import type { GatewayDatabase } from '../tables.ts';
import type { AgentUpdateRow } from './rollout.repo.ts';
import type { UpdateOutcome as Outcome } from './rollout.ts';
import {
  checkUpdate,
  getRollout,
  listUpdates,
  setRollout,
  type RolloutView,
  type UpdateTold,
} from './rollout.usecases.ts';

export const rolloutRpc = (database: GatewayDatabase): ServiceImpl<typeof RolloutService> => ({
  getRollout: async (_request, context) => {
    const { orgId } = callerOf(context);
    return { rollout: rolloutMessage(orgId, await getRollout(database, orgId)) };
  },
  setRollout: async (request, context) => {
    const caller = callerOf(context);
    return { rollout: rolloutMessage(caller.orgId, await setRollout(database, caller, request)) };
  },
  listAgentUpdates: async (request, context) => {
    const { rows, next } = await listUpdates(database, callerOf(context).orgId, request.page);
    return { updates: rows.map(updateMessage), page: { next } };
  },
});

/** What agents ask, as the link's server serves it. */
export const updateChecks =
  (database: GatewayDatabase) =>
  async (holder: CertificateHolder, { version, last }: CheckUpdateRequest): Promise<CheckUpdateResponse> =>
    create(CheckUpdateResponseSchema, {
      version: await checkUpdate(database, holder, version.slice(0, 64), toldOf(last)),
    });

/** What an agent says is cut to what is kept; what does not say enough is passed over. */
function toldOf(last: AgentUpdate | undefined): UpdateTold | undefined {
  const outcome = (Object.entries(outcomes) as [Outcome, UpdateOutcome][]).find(
    ([, value]) => value === last?.outcome,
  )?.[0];
  if (last?.endedAt === undefined || outcome === undefined) return undefined;
  const { fromVersion, toVersion, reason, endedAt } = last;
  return {
    from: fromVersion.slice(0, 64),
    to: toVersion.slice(0, 64),
    outcome,
    reason: reason.slice(0, 500),
    endedAt: timestampDate(endedAt),
  };
}

const outcomes: Readonly<Record<Outcome, UpdateOutcome>> = {
  UPDATED: UpdateOutcome.UPDATED,
  ROLLED_BACK: UpdateOutcome.ROLLED_BACK,
  UNPROVEN: UpdateOutcome.UNPROVEN,
  REFUSED: UpdateOutcome.REFUSED,
};

const rolloutMessage = (orgId: string, { row, tries }: RolloutView) =>
  create(RolloutSchema, {
    orgId,
    ...(row === undefined
      ? {}
      : {
          version: row.version,
          percent: row.percent,
          state: RolloutState[row.state],
          reason: row.reason,
          failureLimitPercent: row.failure_limit_percent,
          revision: BigInt(row.revision),
          changedAt: timestampFromDate(row.changed_at),
        }),
    updated: tries.updated,
    rolledBack: tries.rolledBack,
  });

const updateMessage = (row: AgentUpdateRow) =>
  create(AgentUpdateSchema, {
    agentId: row.agent_id,
    fromVersion: row.from_version,
    toVersion: row.to_version,
    outcome: outcomes[row.outcome],
    reason: row.reason,
    endedAt: timestampFromDate(row.ended_at),
  });

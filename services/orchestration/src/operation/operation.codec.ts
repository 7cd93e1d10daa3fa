import { create } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { CommandState, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import {
  OperationKind,
  OperationSchema,
  OperationState,
  StepSchema,
  StepState,
  type Operation,
  type Step,
} from '@truffle/api/orchestration/v1/operation';
import { failureMessage } from '../failure.ts';
import type { OperationView, StepView } from './operation.repo.ts';

/** `live` says how the agent is getting on with steps at work; it is shown and not stored. */
export function operationMessage(
  row: OperationView,
  steps: readonly StepView[] = [],
  live: ReadonlyMap<string, CommandStatus> = new Map(),
): Operation {
  return create(OperationSchema, {
    id: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    clusterId: row.cluster_id,
    clusterName: row.cluster_name,
    kind: OperationKind[row.kind],
    state: OperationState[row.state],
    steps: steps.map((step) => stepMessage(step, live.get(step.command_id ?? ''))),
    ...(row.failure === null ? {} : { failure: failureMessage(row.failure) }),
    initiator: { subject: row.initiator, displayName: row.initiator_name ?? '' },
    followsOperationId: row.follows_operation_id ?? '',
    cancelRequested: row.cancel_requested,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
    ...(row.ended_at === null ? {} : { endedAt: timestampFromDate(row.ended_at) }),
  });
}

function stepMessage(row: StepView, status: CommandStatus | undefined): Step {
  const atWork = row.state === 'WAITING' || row.state === 'RUNNING';
  return create(StepSchema, {
    key: row.key,
    title: row.title,
    serverId: row.server_id ?? '',
    serverName: row.server_name ?? '',
    state: atWork && status !== undefined ? liveState(status.state) : StepState[row.state],
    detail: atWork && status !== undefined ? liveDetail(status) : row.detail,
    ...(row.started_at === null
      ? status?.startedAt === undefined
        ? {}
        : { startedAt: status.startedAt }
      : { startedAt: timestampFromDate(row.started_at) }),
    ...(row.ended_at === null ? {} : { endedAt: timestampFromDate(row.ended_at) }),
  });
}

const liveState = (state: CommandState): StepState =>
  state === CommandState.QUEUED || state === CommandState.DISPATCHED || state === CommandState.ACCEPTED
    ? StepState.WAITING
    : StepState.RUNNING;

function liveDetail(status: CommandStatus): string {
  if (status.state === CommandState.QUEUED)
    return status.startBy === undefined
      ? 'waiting for the agent'
      : `waiting for the agent, until ${timestampDate(status.startBy).toISOString()} at most`;
  if (status.state === CommandState.UNKNOWN) return 'the agent was not heard of since it began this';
  return status.detail;
}

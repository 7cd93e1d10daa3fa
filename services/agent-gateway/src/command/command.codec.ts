import { createHash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  CommandOutputSchema,
  CommandResultSchema,
  Effect,
  Outcome as Ending,
  type CommandResult,
} from '@truffle/api/agent/v1/command';
import { CommandState as State, CommandStatusSchema, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import { FailureSchema, type Failure } from '@truffle/api/type/v1/failure';
import type { CommandEffect, Outcome } from './command.ts';
import type { CommandRow } from './command.repo.ts';

const effects = {
  [Effect.UNSPECIFIED]: 'UNSPECIFIED',
  [Effect.NONE]: 'NONE',
  [Effect.PARTIAL]: 'PARTIAL',
  [Effect.FULL]: 'FULL',
} as const satisfies Record<Effect, CommandEffect>;
const endings = {
  [Ending.SUCCEEDED]: 'SUCCEEDED',
  [Ending.FAILED]: 'FAILED',
  [Ending.CANCELLED]: 'CANCELLED',
} as const;

/** A result as the state machine takes it; undefined when it says no outcome. A repeated one is told by everything but its journal number. */
export function outcomeOf(
  result: CommandResult,
): { readonly outcome: Outcome; readonly bytes: Uint8Array } | undefined {
  if (result.outcome === Ending.UNSPECIFIED || endings[result.outcome] === undefined) return undefined;
  const bytes = toBinary(CommandResultSchema, { ...result, lsn: 0n });
  return {
    bytes,
    outcome: {
      state: endings[result.outcome],
      effect: effects[result.effect] ?? 'UNSPECIFIED',
      failure: result.failure === undefined ? null : toBinary(FailureSchema, result.failure),
      output: result.output,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    },
  };
}

export function statusOf(row: CommandRow): CommandStatus {
  return create(CommandStatusSchema, {
    id: row.id,
    state: State[row.state],
    detail: row.detail,
    ...(row.failure === null ? {} : { failure: fromBinary(FailureSchema, row.failure) }),
    ...(row.state === 'SUCCEEDED' && row.output !== null
      ? { output: fromBinary(CommandOutputSchema, row.output) }
      : {}),
    effect: Effect[row.effect],
    ...(row.started_at === null ? {} : { startedAt: timestampFromDate(row.started_at) }),
    ...(row.ended_at === null ? {} : { endedAt: timestampFromDate(row.ended_at) }),
    serverId: row.server_id,
    stepKey: row.step_key,
    startBy: timestampFromDate(row.start_by),
  });
}

/** A failure in the form that the database keeps. */
export const failureBytes = (failure: Pick<Failure, 'reason' | 'message' | 'remedy' | 'retryable'>): Buffer =>
  Buffer.from(toBinary(FailureSchema, create(FailureSchema, failure)));

export const cancelledFailure = failureBytes({
  reason: 'CANCELLED',
  message: 'The command was cancelled before it began.',
  remedy: '',
  retryable: true,
});
export const expiredFailure = failureBytes({
  reason: 'NOT_STARTED_IN_TIME',
  message: 'The agent did not begin the command in time.',
  remedy: 'See that the agent is online, then try again.',
  retryable: true,
});

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CommandState, CommandStatusSchema } from '@truffle/api/agent/v1/command_service';
import { StepState } from '@truffle/api/orchestration/v1/operation';
import { expect, it } from 'vitest';
import { operationMessage } from './operation.codec.ts';
import type { OperationView, StepView } from './operation.repo.ts';

const row = { kind: 'CREATE', state: 'RUNNING', failure: null, revision: '1', created_at: new Date(0), ended_at: null };
const step = { key: 'ensure:a', title: 'a', state: 'RUNNING', command_id: 'cmd_1', started_at: null, ended_at: null };
const seen = (state: CommandState) => {
  const status = create(CommandStatusSchema, { state, detail: 'cloning', startBy: timestampFromMs(86_400_000) });
  const { steps } = operationMessage(
    row as unknown as OperationView,
    [step as unknown as StepView],
    new Map([['cmd_1', status]]),
  );
  return [steps[0]?.state, steps[0]?.detail];
};

it('shows a step whose agent is away as waiting, and until when', () => {
  const until = 'waiting for the agent, until 1970-01-02T00:00:00.000Z at most';
  expect(seen(CommandState.QUEUED)).toEqual([StepState.WAITING, until]);
  expect(seen(CommandState.RUNNING)).toEqual([StepState.RUNNING, 'cloning']);
});

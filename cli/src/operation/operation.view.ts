import {
  OperationKind,
  OperationSchema,
  OperationState,
  type Operation,
} from '@truffle/api/orchestration/v1/operation';
import { age, stateName, when } from '../output/text.ts';
import type { View } from '../output/output.ts';

export const operationView: View<typeof OperationSchema> = {
  schema: OperationSchema,
  name: (each) => each.id,
  columns: {
    ID: (each) => each.id,
    KIND: (each) => stateName(OperationKind, each.kind),
    CLUSTER: (each) => each.clusterName || each.clusterId,
    STATE: (each) => stateName(OperationState, each.state),
    AGE: (each, now) => age(each.createdAt, now),
    BY: (each) => each.initiator?.displayName || each.initiator?.subject || '-',
  },
  card: (each) => [
    ['id', each.id],
    ['kind', stateName(OperationKind, each.kind)],
    ['cluster', `${each.clusterName} (${each.clusterId})`],
    ['state', stateName(OperationState, each.state)],
    ['started', when(each.createdAt)],
    ['ended', when(each.endedAt)],
    ['by', each.initiator?.displayName || each.initiator?.subject || '-'],
    ...(each.followsOperationId === '' ? [] : [['follows', each.followsOperationId] as const]),
    ...each.steps.map(
      (step) =>
        [
          `  ${step.serverName || 'cluster'}`,
          `${step.title}: ${stateOfStep(step.state)}${step.detail === '' ? '' : ` (${step.detail})`}`,
        ] as const,
    ),
    ...(each.failure === undefined
      ? []
      : [
          [
            'failure',
            [each.failure.message, each.failure.cause, each.failure.remedy].filter(Boolean).join('\n'),
          ] as const,
        ]),
  ],
};

const stepStates = ['unknown', 'pending', 'waiting', 'running', 'succeeded', 'failed', 'skipped'];

/** A step's state in a word. */
export const stateOfStep = (state: number): string => stepStates[state] ?? 'unknown';

/** Whether nothing more will happen in it. */
export const hasEnded = (operation: Operation): boolean =>
  [OperationState.SUCCEEDED, OperationState.FAILED, OperationState.CANCELLED].includes(operation.state);

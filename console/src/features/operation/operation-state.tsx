import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { texts } from '../../texts/texts.ts';
import { StateBadge } from '../../ui/badge.tsx';

const colors = {
  [OperationState.PENDING]: 'gray',
  [OperationState.RUNNING]: 'blue',
  [OperationState.SUCCEEDED]: 'green',
  [OperationState.FAILED]: 'red',
  [OperationState.CANCELLED]: 'amber',
} as const;

export const OperationBadge = ({ state }: { readonly state: OperationState }) => (
  <StateBadge state={state} names={texts.operation.states} colors={colors} />
);

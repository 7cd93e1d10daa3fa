import { AgentState } from '@truffle/api/agent/v1/agent';
import { texts } from '../../texts/texts.ts';
import { StateBadge } from '../../ui/badge.tsx';

const colors = {
  [AgentState.ENROLLED]: 'blue',
  [AgentState.ONLINE]: 'green',
  [AgentState.OFFLINE]: 'amber',
  [AgentState.QUARANTINED]: 'red',
  [AgentState.REVOKED]: 'gray',
  [AgentState.PENDING_APPROVAL]: 'violet',
} as const;

export const AgentBadge = ({ state }: { readonly state: AgentState }) => (
  <StateBadge state={state} names={texts.agent.states} colors={colors} />
);

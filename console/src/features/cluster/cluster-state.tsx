import { ClusterState } from '@truffle/api/orchestration/v1/cluster';
import { Badge } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';

const colors = {
  [ClusterState.UNSPECIFIED]: 'gray',
  [ClusterState.CREATING]: 'blue',
  [ClusterState.READY]: 'green',
  [ClusterState.FAILED]: 'red',
  [ClusterState.DELETING]: 'amber',
  [ClusterState.DELETED]: 'gray',
} as const;

export const ClusterBadge = ({ state }: { readonly state: ClusterState }) => (
  <Badge color={colors[state]}>{texts.cluster.states[state]}</Badge>
);

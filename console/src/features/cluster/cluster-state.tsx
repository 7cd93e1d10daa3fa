import { ClusterState, ServerState } from '@truffle/api/orchestration/v1/cluster';
import type { BadgeProps } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { StateBadge } from '../../ui/badge.tsx';

const clusterColors = {
  [ClusterState.CREATING]: 'blue',
  [ClusterState.READY]: 'green',
  [ClusterState.FAILED]: 'red',
  [ClusterState.DELETING]: 'amber',
} as const;

/** Colours of a server's states; the others are grey. */
export const serverColors: Readonly<Record<number, BadgeProps['color']>> = {
  [ServerState.PROVISIONING]: 'blue',
  [ServerState.RUNNING]: 'cyan',
  [ServerState.DEPLOYING]: 'blue',
  [ServerState.READY]: 'green',
  [ServerState.FAILED]: 'red',
  [ServerState.DELETING]: 'amber',
};

export const ClusterBadge = ({ state }: { readonly state: ClusterState }) => (
  <StateBadge state={state} names={texts.cluster.states} colors={clusterColors} />
);

export const ServerBadge = ({ state }: { readonly state: ServerState }) => (
  <StateBadge state={state} names={texts.server.states} colors={serverColors} />
);

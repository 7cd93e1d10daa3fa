import { HealthState } from '@truffle/api/orchestration/v1/cluster';
import { texts } from '../../texts/texts.ts';
import { StateBadge } from '../../ui/badge.tsx';

const colors = {
  [HealthState.HEALTHY]: 'green',
  [HealthState.REMEDIED]: 'amber',
  [HealthState.UNHEALTHY]: 'red',
} as const;

/** What was amiss with a server since its last deployment; nothing while nothing was. */
export const ServerHealth = ({ health }: { readonly health: HealthState }) =>
  health === HealthState.UNSPECIFIED ? null : (
    <StateBadge state={health} names={texts.server.healths} colors={colors} />
  );

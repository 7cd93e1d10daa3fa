import { createHash } from 'node:crypto';

/** A rollout as it is kept. */
export interface RolloutStanding {
  readonly version: string;
  readonly percent: number;
  readonly state: RolloutState;
  readonly failureLimitPercent: number;
}

export type RolloutState = 'ACTIVE' | 'PAUSED' | 'HALTED';
export type UpdateOutcome = 'UPDATED' | 'ROLLED_BACK' | 'UNPROVEN' | 'REFUSED';

/** How often a version was tried. */
export interface Tries {
  readonly updated: number;
  readonly rolledBack: number;
}

/** One agent alone may have a fault of its own: two say that it is the version. */
const fewestFailures = 2;
export const defaultFailureLimit = 10;
const versionForm = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-.*)?$/;

/** Whether an agent is among the so many of a hundred that may have it: with a higher share those of the lower one stay in. */
export const isChosen = (orgId: string, agentId: string, percent: number): boolean =>
  createHash('sha256').update(`rollout/${orgId}/${agentId}`).digest().readUInt32BE() % 100 < percent;

/** Whether so many went back that the rest is not to try it. */
export const isTooBad = ({ updated, rolledBack }: Tries, limitPercent: number): boolean =>
  rolledBack >= fewestFailures && rolledBack * 100 >= limitPercent * (updated + rolledBack);

/**
 * The version that an agent is to have; empty to stay. Never an older one: the agent would refuse it.
 * @param has version that it says it has
 */
export function wantedVersion(
  rollout: RolloutStanding | undefined,
  agent: { readonly orgId: string; readonly agentId: string; readonly has: string },
): string {
  if (rollout === undefined || rollout.state !== 'ACTIVE') return '';
  if (!isNewer(rollout.version, agent.has) || !isChosen(agent.orgId, agent.agentId, rollout.percent)) return '';
  return rollout.version;
}

/** By the three numbers; of two with the same ones the one that is not before its release is newer. The agent looks more closely. */
function isNewer(wanted: string, has: string): boolean {
  const [a, b] = [versionForm.exec(wanted), versionForm.exec(has)];
  if (a === null || b === null) return false;
  for (const part of [1, 2, 3]) {
    const difference = Number(a[part]) - Number(b[part]);
    if (difference !== 0) return difference > 0;
  }
  return wanted !== has && b[4] !== undefined;
}

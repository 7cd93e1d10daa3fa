import type { ColumnType, Generated } from 'kysely';
import type { RolloutState, UpdateOutcome } from './rollout.ts';

/** The one rollout of an organization. */
export interface RolloutTable {
  org_id: string;
  version: string;
  percent: number;
  state: RolloutState;
  reason: string;
  failure_limit_percent: number;
  revision: ColumnType<string, string | bigint, string | bigint>;
  changed_at: Generated<Date>;
}

/** How an update ended on an agent, told by it. */
export interface AgentUpdateTable {
  org_id: string;
  agent_id: string;
  from_version: string;
  to_version: string;
  outcome: UpdateOutcome;
  reason: string;
  /** By the agent's clock. */
  ended_at: Date;
  told_at: Generated<Date>;
}

import type { Database, Transaction } from '@truffle/database';
import type { SealingKeyTable } from './sealing-key/sealing-key.table.ts';
import type { AgentTable, QuarantineTable } from './agent/agent.table.ts';
import type { CommandLogTable, CommandTable } from './command/command.table.ts';
import type { AgentUpdateTable, RolloutTable } from './rollout/rollout.table.ts';
import type { MetricGapTable, MetricTable } from './metric/metric.table.ts';
import type { JoinTokenTable } from './join-token/join-token.table.ts';
import type { AgentSessionTable, GatewayTable } from './session/session.table.ts';

/** The gateway's schema. */
export interface Tables {
  'agent_gateway.agent': AgentTable;
  'agent_gateway.quarantine': QuarantineTable;
  'agent_gateway.sealing_key': SealingKeyTable;
  'agent_gateway.join_token': JoinTokenTable;
  'agent_gateway.gateway': GatewayTable;
  'agent_gateway.agent_session': AgentSessionTable;
  'agent_gateway.command': CommandTable;
  'agent_gateway.command_log': CommandLogTable;
  'agent_gateway.metric': MetricTable;
  'agent_gateway.metric_gap': MetricGapTable;
  'agent_gateway.rollout': RolloutTable;
  'agent_gateway.agent_update': AgentUpdateTable;
}

export type Tx = Transaction<Tables>;
export type GatewayDatabase = Database<Tables>;

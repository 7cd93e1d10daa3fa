import type { Generated } from 'kysely';
import type { AgentStanding } from './agent.ts';

export interface AgentTable {
  org_id: string;
  id: string;
  name: string;
  state: AgentStanding;
  state_since: Generated<Date>;
  version: string;
  region: string;
  last_seen_at: Date | null;
  sealing_public_key: Buffer;
  identity_public_key: Buffer;
  certificate_serial: string;
  capabilities: Generated<string[]>;
  /** `Inventory`, as the agent sent it. */
  inventory: Buffer | null;
  revision: Generated<string>;
  created_at: Generated<Date>;
}

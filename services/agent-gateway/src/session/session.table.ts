import type { Generated } from 'kysely';

export interface AgentSessionTable {
  org_id: string;
  agent_id: string;
  epoch: Generated<string>;
  session_id: string | null;
  gateway_id: string | null;
  open: Generated<boolean>;
  incarnation: string | null;
  journal_lsn: Generated<string>;
  /** SHA-256 of the token that the agent must present. */
  continuity: Buffer | null;
  /** SHA-256 of the token that was offered and is not confirmed. */
  continuity_next: Buffer | null;
  /** When it was last offered or confirmed. */
  changed_at: Generated<Date>;
  /** Fingerprints of holders that a person did not choose when the agent was released. */
  denied: Generated<string[]>;
}

export interface GatewayTable {
  id: string;
  lease_until: Date;
}

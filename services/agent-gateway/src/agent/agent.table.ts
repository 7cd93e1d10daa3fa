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
  /** Unset for a certificate from before this was kept. */
  certificate_ends: Date | null;
  /** The certificate that a session has not been opened with yet; it and the present one are accepted. */
  next_serial: Generated<string | null>;
  next_csr_sha256: Generated<Buffer | null>;
  next_certificate: Generated<Buffer | null>;
  next_ends: Generated<Date | null>;
  next_issued_at: Generated<Date | null>;
  /** When it recovered by its identity key, without a person. */
  recoveries: Generated<Date[]>;
  /** When it was last said that it may not recover by itself again. */
  recovery_refused_at: Generated<Date | null>;
  /** What a person compares before it is approved; unset unless its token wanted that. */
  enrolment_words: Generated<string | null>;
  capabilities: Generated<string[]>;
  /** `Inventory`, as the agent sent it. */
  inventory: Buffer | null;
  revision: Generated<string>;
  created_at: Generated<Date>;
}

/** Why an agent is quarantined; a row while it is. `other_*`: who came in conflict with the recorded session, where somebody did. */
export interface QuarantineTable {
  org_id: string;
  agent_id: string;
  since: Generated<Date>;
  reason: string;
  message: string;
  other_incarnation: string | null;
  other_lsn: string | null;
  other_continuity: Buffer | null;
}

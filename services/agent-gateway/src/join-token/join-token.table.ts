import type { Generated } from 'kysely';

export interface JoinTokenTable {
  org_id: string;
  id: string;
  agent_name: string;
  token_sha256: Buffer;
  created_at: Generated<Date>;
  expires_at: Date;
  used_at: Date | null;
  revoked_at: Date | null;
  csr_sha256: Buffer | null;
  /** The agent waits for a person's approval. */
  require_approval: Generated<boolean>;
  agent_id: string | null;
  /** What the same request gets again. */
  certificate: Buffer | null;
}

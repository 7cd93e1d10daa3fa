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
  agent_id: string | null;
  /** What the same request gets again. */
  certificate: Buffer | null;
}

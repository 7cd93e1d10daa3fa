import type { Generated } from 'kysely';

/** Only ever added to: the service's role can neither change nor delete a row. */
export interface SealingKeyTable {
  org_id: string;
  agent_id: string;
  n: string;
  public_key: Buffer;
  identity_public_key: Buffer;
  previous_sha256: Buffer;
  signature: Buffer;
  created_at: Generated<Date>;
}

import type { Role } from '@truffle/api/tenant/v1/account';

export interface ApiKeyTable {
  org_id: string;
  id: string;
  name: string;
  /** UNSPECIFIED for a service account's key. */
  role: Role;
  service_account_id: string | null;
  /** What a service account's key is narrowed to; empty for all. */
  permissions: string[];
  scope_ids: string[];
  scope_id: string;
  workspace_id: string | null;
  project_id: string | null;
  hint: string;
  secret_sha256: Buffer;
  made_by: string;
  quota_holder: string;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  last_used_address: string | null;
  /** The secret before the last rotation, while it is good. */
  previous_hint: string | null;
  previous_sha256: Buffer | null;
  previous_until: Date | null;
  revoked_at: Date | null;
}

import type { Role } from '@truffle/api/tenant/v1/account';

export interface ApiKeyTable {
  org_id: string;
  id: string;
  name: string;
  role: Role;
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
  revoked_at: Date | null;
}

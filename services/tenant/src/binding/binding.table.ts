import type { Generated } from 'kysely';
import type { Role } from '@truffle/api/tenant/v1/account';

export interface BindingTable {
  org_id: string;
  id: string;
  /** `user:usr_…`; a key's role is in its own row. */
  subject: string;
  role: Role;
  scope_id: string;
  /** The chain above and at the scope; null above it. */
  workspace_id: string | null;
  project_id: string | null;
  quota_holder: string | null;
  revision: Generated<string>;
  created_at: Date;
}

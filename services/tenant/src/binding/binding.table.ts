import type { Generated } from 'kysely';
import type { Effect, Role } from '@truffle/api/tenant/v1/account';

export interface BindingTable {
  org_id: string;
  id: string;
  /** `user:usr_…`, `group:grp_…` or `service_account:sva_…`; a key's role is in its own row. */
  subject: string;
  /** UNSPECIFIED where `role_id` says it. */
  role: Role;
  role_id: string | null;
  effect: Generated<Effect>;
  starts_at: Date | null;
  expires_at: Date | null;
  /** `standing`, or the role of what denies or has times: a subject has one binding of each at a place. */
  slot: Generated<string>;
  scope_id: string;
  /** The chain above and at the scope; null above it. */
  workspace_id: string | null;
  project_id: string | null;
  quota_holder: string | null;
  /** The connection whose claims gave it; null for one that somebody gave. */
  connection_id: string | null;
  revision: Generated<string>;
  created_at: Date;
}

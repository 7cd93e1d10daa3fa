import type { Role } from '@truffle/api/tenant/v1/account';

export interface InvitationTable {
  org_id: string;
  id: string;
  /** In lower case. */
  email: string;
  role: Role;
  scope_id: string;
  workspace_id: string | null;
  project_id: string | null;
  invited_by: string;
  created_at: Date;
  expires_at: Date;
  accepted_at: Date | null;
  revoked_at: Date | null;
}

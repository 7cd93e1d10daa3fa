import type { Role } from '@truffle/api/tenant/v1/account';

export interface InvitationTable {
  org_id: string;
  id: string;
  /** In lower case. */
  email: string;
  /** UNSPECIFIED where `role_id` says it. */
  role: Role;
  /** A role of the organization's own; it may be gone, and the invitation is void then. */
  role_id: string | null;
  scope_id: string;
  workspace_id: string | null;
  project_id: string | null;
  invited_by: string;
  created_at: Date;
  expires_at: Date;
  accepted_at: Date | null;
  revoked_at: Date | null;
}

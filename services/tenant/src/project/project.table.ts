import type { Generated } from 'kysely';

export interface ProjectTable {
  org_id: string;
  id: string;
  workspace_id: string;
  /** Unique in the organization while it is there. */
  name: string;
  /** Request that holds its place in the quota; null for the first one. */
  quota_holder: string | null;
  protected: Generated<boolean>;
  revision: Generated<string>;
  created_at: Date;
  deleted_at: Date | null;
}

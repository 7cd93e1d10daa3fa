import type { Generated } from 'kysely';

export interface WorkspaceTable {
  org_id: string;
  id: string;
  /** Unique in the organization while it is there. */
  name: string;
  protected: Generated<boolean>;
  revision: Generated<string>;
  created_at: Date;
  deleted_at: Date | null;
}

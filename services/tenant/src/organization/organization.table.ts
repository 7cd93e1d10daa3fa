import type { Generated } from 'kysely';

export interface OrganizationTable {
  org_id: string;
  /** Unique among all. */
  name: string;
  title: string;
  home_region: string;
  protected: Generated<boolean>;
  revision: Generated<string>;
  created_at: Date;
  deleted_at: Date | null;
}

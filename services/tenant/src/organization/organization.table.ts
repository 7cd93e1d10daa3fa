import type { Generated } from 'kysely';

export interface OrganizationTable {
  org_id: string;
  /** Unique among all. */
  name: string;
  title: string;
  home_region: string;
  protected: Generated<boolean>;
  /** Whether members reach it only with a second factor. */
  second_factor_required: Generated<boolean>;
  revision: Generated<string>;
  created_at: Date;
  deleted_at: Date | null;
}

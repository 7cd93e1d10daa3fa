import type { Generated } from 'kysely';

export interface RoleTable {
  org_id: string;
  id: string;
  name: string;
  description: string;
  /** Sorted. */
  permissions: string[];
  revision: Generated<string>;
  created_at: Date;
}

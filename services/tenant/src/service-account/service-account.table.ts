import type { Generated } from 'kysely';

export interface ServiceAccountTable {
  org_id: string;
  id: string;
  name: string;
  description: string;
  /** Its keys are refused. */
  disabled: Generated<boolean>;
  revision: Generated<string>;
  created_at: Date;
}

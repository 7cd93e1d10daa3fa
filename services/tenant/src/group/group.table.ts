import type { Generated } from 'kysely';

export interface GroupTable {
  org_id: string;
  id: string;
  name: string;
  description: string;
  revision: Generated<string>;
  created_at: Date;
}

export interface GroupMemberTable {
  org_id: string;
  group_id: string;
  /** `user:usr_…` or `service_account:sva_…`. */
  subject: string;
  added_at: Date;
}

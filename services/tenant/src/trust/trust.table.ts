import type { Role } from '@truffle/api/tenant/v1/account';
import type { ColumnType } from 'kysely';
import type { Condition } from './condition.ts';

export interface TrustTable {
  org_id: string;
  id: string;
  name: string;
  issuer: string;
  audience: string;
  conditions: ColumnType<readonly Condition[], string, string>;
  /** UNSPECIFIED where the workload acts as a service account. */
  role: Role;
  service_account_id: string | null;
  scope_id: string;
  workspace_id: string | null;
  project_id: string | null;
  lifetime_seconds: number;
  made_by: string;
  created_at: Date;
  revoked_at: Date | null;
}

export interface WorkloadTokenTable {
  org_id: string;
  id: string;
  trust_id: string;
  /** `sub` of the issuer's token. */
  subject: string;
  secret_sha256: Buffer;
  address: string;
  created_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
}

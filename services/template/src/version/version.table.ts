import type { Generated } from 'kysely';
import type { JsonColumn } from '../template/template.table.ts';

/** One immutable version. */
export interface VersionTable {
  org_id: string;
  id: string;
  template_id: string;
  template_name: string;
  version: string;
  digest: string;
  /** Digest of the version it was derived from; null for none. */
  parent_digest: string | null;
  publisher: string;
  /** Signature over the digest by its publisher; null until versions are signed. */
  signature: Buffer | null;
  /** `authored`, or how else the organization came by it. */
  acquired_via: string;
  source: string;
  content: JsonColumn;
  parameters_schema: JsonColumn;
  /** Request that holds its place in the quota. */
  quota_holder: string;
  revision: Generated<string>;
  created_at: Date;
  deleted_at: Date | null;
}

/** A version that ships with Truffle. */
export type CuratedVersionTable = Omit<
  VersionTable,
  'org_id' | 'quota_holder' | 'deleted_at' | 'acquired_via' | 'revision'
>;

import type { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import type { Generated } from 'kysely';

export interface AuditStreamTable {
  org_id: string;
  id: string;
  name: string;
  kind: AuditStreamKind;
  /** Of a webhook of this release the origin alone. */
  address: string;
  /** Of a webhook. */
  sealed_address: Buffer | null;
  ca_pem: string;
  /** Null for syslog, which is not signed. */
  sealed_secret: Buffer | null;
  /** Of an earlier release, until it is sealed anew. */
  old_sealed_secret: Buffer | null;
  disabled_at: Date | null;
  /** Number of the last record that was delivered. */
  cursor_n: string;
  failures: Generated<number>;
  failing_since: Date | null;
  next_try_at: Generated<Date>;
  last_error: Generated<string>;
  last_delivered_at: Date | null;
  created_at: Date;
}

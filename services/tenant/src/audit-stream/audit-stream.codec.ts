import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AuditStreamSchema, AuditStreamState, type AuditStream } from '@truffle/api/tenant/v1/audit_stream';
import type { AuditStreamRow } from './audit-stream.repo.ts';

export const auditStreamMessage = (row: AuditStreamRow): AuditStream =>
  create(AuditStreamSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    target: { kind: row.kind, address: row.address, caPem: row.ca_pem },
    state: row.disabled_at === null ? AuditStreamState.ACTIVE : AuditStreamState.DISABLED,
    cursor: BigInt(row.cursor_n),
    failures: row.failures,
    lastError: row.last_error,
    createdAt: timestampFromDate(row.created_at),
    ...(row.failing_since === null ? {} : { failingSince: timestampFromDate(row.failing_since) }),
    ...(row.last_delivered_at === null ? {} : { lastDeliveredAt: timestampFromDate(row.last_delivered_at) }),
  });

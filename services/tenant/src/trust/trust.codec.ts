import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { TrustSchema, WorkloadTokenSchema, type Trust, type WorkloadToken } from '@truffle/api/tenant/v1/trust';
import type { TrustRow, WorkloadTokenRow } from './trust.repo.ts';

export const trustMessage = (row: TrustRow): Trust =>
  create(TrustSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    issuer: row.issuer,
    audience: row.audience,
    conditions: row.conditions.map((each) => ({ ...each })),
    role: row.role,
    scopeId: row.scope_id,
    serviceAccountId: row.service_account_id ?? '',
    lifetimeSeconds: row.lifetime_seconds,
    createdAt: timestampFromDate(row.created_at),
    ...(row.revoked_at === null ? {} : { revokedAt: timestampFromDate(row.revoked_at) }),
  });

export const tokenMessage = (row: WorkloadTokenRow): WorkloadToken =>
  create(WorkloadTokenSchema, {
    id: row.id,
    trustId: row.trust_id,
    subject: row.subject,
    address: row.address,
    createdAt: timestampFromDate(row.created_at),
    expiresAt: timestampFromDate(row.expires_at),
    ...(row.revoked_at === null ? {} : { revokedAt: timestampFromDate(row.revoked_at) }),
  });

import { create } from '@bufbuild/protobuf';
import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { ApiKeySchema, type ApiKey } from '@truffle/api/tenant/v1/account';
import type { ApiKeyRow } from './api-key.repo.ts';

export const apiKeyMessage = (row: ApiKeyRow, now: Date): ApiKey =>
  create(ApiKeySchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    role: row.role,
    scopeId: row.scope_id,
    hint: row.hint,
    expiresAt: timestamp(row.expires_at),
    lastUsedAt: timestamp(row.last_used_at),
    revokedAt: timestamp(row.revoked_at),
    createdAt: timestampFromDate(row.created_at),
    serviceAccountId: row.service_account_id ?? '',
    permissions: row.permissions,
    scopeIds: row.scope_ids,
    lastUsedAddress: row.last_used_address ?? '',
    ...(row.previous_until !== null && row.previous_until > now
      ? { previousHint: row.previous_hint ?? '', previousUntil: timestampFromDate(row.previous_until) }
      : {}),
  });

const timestamp = (date: Date | null): Timestamp | undefined => (date === null ? undefined : timestampFromDate(date));

import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { InvitationSchema, type Invitation } from '@truffle/api/tenant/v1/invitation';
import type { InvitationRow } from './invitation.repo.ts';

export const invitationMessage = (row: InvitationRow): Invitation =>
  create(InvitationSchema, {
    id: row.id,
    orgId: row.org_id,
    email: row.email,
    role: row.role,
    roleId: row.role_id ?? '',
    scopeId: row.scope_id,
    invitedBy: row.invited_by,
    createdAt: timestampFromDate(row.created_at),
    expiresAt: timestampFromDate(row.expires_at),
    ...(row.accepted_at === null ? {} : { acceptedAt: timestampFromDate(row.accepted_at) }),
    ...(row.revoked_at === null ? {} : { revokedAt: timestampFromDate(row.revoked_at) }),
  });

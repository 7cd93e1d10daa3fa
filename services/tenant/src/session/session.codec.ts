import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { SessionSchema, type Session } from '@truffle/api/tenant/v1/session';
import type { ListedSession } from './session.repo.ts';

export const sessionMessage = (row: ListedSession, currentId: string): Session =>
  create(SessionSchema, {
    id: row.id,
    address: row.address,
    userAgent: row.user_agent,
    createdAt: timestampFromDate(row.created_at),
    lastSeenAt: timestampFromDate(row.last_seen_at),
    expiresAt: timestampFromDate(row.expires_at),
    authenticatedAt: timestampFromDate(row.authenticated_at),
    current: row.id === currentId,
    actedBy: row.acted_by ?? '',
  });

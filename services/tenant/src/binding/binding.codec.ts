import { create } from '@bufbuild/protobuf';
import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { BindingSchema, Effect, type Binding, type Role } from '@truffle/api/tenant/v1/account';
import { deriveId } from '@truffle/ids';
import type { ApiKeyRow } from '../api-key/api-key.repo.ts';
import type { BindingRow } from './binding.repo.ts';

export const bindingMessage = (row: BindingRow, email = ''): Binding =>
  create(BindingSchema, {
    id: row.id,
    orgId: row.org_id,
    subject: row.subject,
    role: row.role,
    roleId: row.role_id ?? '',
    scopeId: row.scope_id,
    workspaceId: row.workspace_id ?? '',
    projectId: row.project_id ?? '',
    effect: row.effect,
    startsAt: timestamp(row.starts_at),
    expiresAt: timestamp(row.expires_at),
    createdAt: timestampFromDate(row.created_at),
    email,
  });

/** What a key with a role of its own may do is in its row; as a binding it has an id derived from the key's. */
export const keyBindingMessage = (row: ApiKeyRow): Binding =>
  create(BindingSchema, {
    id: deriveId('bnd', row.id),
    orgId: row.org_id,
    subject: `key:${row.id}`,
    role: row.role,
    scopeId: row.scope_id,
    workspaceId: row.workspace_id ?? '',
    projectId: row.project_id ?? '',
    effect: Effect.ALLOW,
  });

const timestamp = (date: Date | null): Timestamp | undefined => (date === null ? undefined : timestampFromDate(date));
/** What a trust's workloads may do is in the trust's row, as a key's is in its own. */
export const placedBindingMessage = (
  subject: string,
  row: {
    readonly id: string;
    readonly org_id: string;
    readonly role: Role;
    readonly scope_id: string;
    readonly workspace_id: string | null;
    readonly project_id: string | null;
  },
): Binding =>
  create(BindingSchema, {
    id: deriveId('bnd', row.id),
    orgId: row.org_id,
    subject,
    role: row.role,
    scopeId: row.scope_id,
    workspaceId: row.workspace_id ?? '',
    projectId: row.project_id ?? '',
    effect: Effect.ALLOW,
  });

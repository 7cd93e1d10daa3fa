import { create } from '@bufbuild/protobuf';
import { BindingSchema, type Binding } from '@truffle/api/tenant/v1/account';
import { deriveId } from '@truffle/ids';
import type { ApiKeyRow } from '../api-key/api-key.repo.ts';
import type { BindingRow } from './binding.repo.ts';

export const bindingMessage = (row: BindingRow, email = ''): Binding =>
  create(BindingSchema, {
    id: row.id,
    orgId: row.org_id,
    subject: row.subject,
    role: row.role,
    scopeId: row.scope_id,
    email,
  });

/** What a key may do is in its own row; as a binding it has an id derived from the key's. */
export const keyBindingMessage = (row: ApiKeyRow): Binding =>
  create(BindingSchema, {
    id: deriveId('bnd', row.id),
    orgId: row.org_id,
    subject: `key:${row.id}`,
    role: row.role,
    scopeId: row.scope_id,
  });

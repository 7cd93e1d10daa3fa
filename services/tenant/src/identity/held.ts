import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Binding } from '@truffle/api/tenant/v1/account';
import type { CredentialBoundsSchema, RolePermissionsSchema } from '@truffle/api/tenant/v1/identity_service';
import type { Transaction } from '@truffle/database';
import type { ApiKeyRow } from '../api-key/api-key.repo.ts';
import { bindingMessage, keyBindingMessage, placedBindingMessage } from '../binding/binding.codec.ts';
import { bindingsOfSubject, type BindingView } from '../binding/binding.repo.ts';
import type { TenantTables } from '../tables.ts';
import type { OpenTrust } from '../trust/trust.repo.ts';
import { workloadSubject } from '../trust/trust.usecases.ts';

/** What a credential may do. */
export interface Held {
  readonly bindings: readonly Binding[];
  /** The custom roles that the bindings name. */
  readonly roles: readonly MessageInitShape<typeof RolePermissionsSchema>[];
  /** What it is narrowed to; undefined for nothing. */
  readonly bounds: MessageInitShape<typeof CredentialBoundsSchema> | undefined;
}

/** A trust has the role in its own row, or its workloads have all that their service account has. */
export async function bindingsOfTrust(tx: Transaction<TenantTables>, trust: OpenTrust): Promise<Held> {
  const subject = workloadSubject(trust);
  if (trust.service_account_id === null)
    return { bindings: [placedBindingMessage(subject, trust)], roles: [], bounds: undefined };
  const rows = await bindingsOfSubject(tx, subject);
  return { bindings: rows.map((row) => bindingMessage(row)), roles: rolesOf(rows), bounds: undefined };
}

/** A key has the role in its own row, or all that its service account has, narrowed. */
export async function bindingsOfKey(tx: Transaction<TenantTables>, key: ApiKeyRow): Promise<Held> {
  if (key.service_account_id === null) return { bindings: [keyBindingMessage(key)], roles: [], bounds: undefined };
  const rows = await bindingsOfSubject(tx, `service_account:${key.service_account_id}`);
  return {
    bindings: rows.map((row) => bindingMessage(row)),
    roles: rolesOf(rows),
    bounds: { permissions: key.permissions, scopeIds: key.scope_ids },
  };
}

/** Each custom role once, however many bindings name it. */
export const rolesOf = (rows: readonly BindingView[]): Held['roles'] =>
  [...new Map(rows.map((row) => [row.role_id ?? '', row.role_permissions ?? []]))]
    .filter(([roleId]) => roleId !== '')
    .map(([roleId, permissions]) => ({ roleId, permissions }));

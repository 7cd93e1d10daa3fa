import { Code } from '@connectrpc/connect';
import { Effect, Role } from '@truffle/api/tenant/v1/account';
import {
  allows,
  PermissionProblem,
  permissionsOfRole,
  Problem,
  verdictOf,
  type Caller,
  type Grant,
  type Scope,
} from '@truffle/kit';
import type { BindingView } from './binding.repo.ts';

/** A place in the tenancy tree, or a resource in it, as rows keep it: null above its level. */
export interface Place {
  readonly scope_id: string;
  readonly workspace_id: string | null;
  readonly project_id: string | null;
}

/** What the caller is and has. */
export type Giver = Pick<Caller, 'bindings' | 'orgId'>;

/** The last owner of an organization can't be taken away, made less or denied. */
export class LastOwnerProblem extends Problem {
  override readonly name = 'LastOwnerProblem';
  constructor(orgId: string) {
    super(Code.FailedPrecondition, 'LAST_OWNER', 'an organization keeps at least one owner; make another one first', {
      parameters: { orgId },
    });
  }
}

/** Columns of a plain role for good. */
export const standing = {
  role_id: null,
  effect: Effect.ALLOW,
  starts_at: null,
  expires_at: null,
  slot: 'standing',
  connection_id: null,
} as const;

/** What a binding's role is made of. */
export const permissionsOf = (row: Pick<BindingView, 'role' | 'role_permissions'>): ReadonlySet<string> =>
  row.role === Role.UNSPECIFIED ? new Set(row.role_permissions) : permissionsOfRole(row.role);

/** A binding as the permission check takes it. */
export const grantOf = (row: BindingView): Grant => ({
  orgId: row.org_id,
  role: row.role,
  scopeId: row.scope_id,
  workspaceId: row.workspace_id ?? undefined,
  projectId: row.project_id ?? undefined,
  permissions: row.role === Role.UNSPECIFIED ? permissionsOf(row) : undefined,
  deny: row.effect === Effect.DENY,
  startsAt: row.starts_at?.getTime(),
  expiresAt: row.expires_at?.getTime(),
});

/** How people and events call a binding's role. */
export const roleNameOf = (row: { readonly role: Role; readonly role_name?: string | null | undefined }): string =>
  row.role === Role.UNSPECIFIED ? (row.role_name ?? '') : Role[row.role].toLowerCase();

/** Whether the caller has all of `permissions` at `place`, now and until `until`. */
export const holds = (
  caller: Giver,
  place: Place,
  permissions: Iterable<string>,
  now: number,
  until = Number.POSITIVE_INFINITY,
): boolean => missingOf(caller, place, permissions, now, until) === undefined;

/**
 * Nobody gives, denies, changes or takes away more than they have, nor for longer.
 * @throws PermissionProblem for the first of `permissions` that the caller has not at `place` until `until`
 */
export function demandHolds(
  caller: Giver,
  place: Place,
  permissions: Iterable<string>,
  now: number,
  until = Number.POSITIVE_INFINITY,
): void {
  const missing = missingOf(caller, place, permissions, now, until);
  if (missing !== undefined) throw new PermissionProblem(missing, place.scope_id);
}

/**
 * Who takes a binding away or changes it must have what it gives or denies; an owner of the organization takes away any denial, also one of
 * their own, so that what an owner did an owner can undo.
 * @throws PermissionProblem
 */
export function demandUndo(caller: Giver, row: BindingView, now: number): void {
  if (row.effect === Effect.DENY && isOwner(caller, now)) return;
  demandHolds(caller, row, permissionsOf(row), now);
}

const isOwner = ({ bindings, orgId }: Giver, now: number): boolean =>
  bindings.some(
    (b) =>
      b.role === Role.OWNER && b.bounds === undefined && verdictOf(b, 'member.delete', { orgId }, now) === 'allows',
  );

function missingOf(
  { bindings, orgId }: Giver,
  place: Place,
  permissions: Iterable<string>,
  now: number,
  until: number,
): string | undefined {
  const scope = scopeAt(orgId, place);
  for (const permission of permissions) if (!allows(bindings, permission, scope, now, until)) return permission;
  return undefined;
}

/** A row's place as the permission check takes it. */
export const scopeAt = (orgId: string, { scope_id, workspace_id, project_id }: Place): Scope => ({
  orgId,
  workspaceId: workspace_id ?? undefined,
  projectId: project_id ?? undefined,
  resourceIds: [scope_id],
});

/** Where the call's own resource is: what the gate resolved. */
export const placeOf = (caller: Caller, scopeId: string): Place => ({
  scope_id: scopeId,
  workspace_id: caller.workspaceId ?? null,
  project_id: caller.projectId ?? null,
});

import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { PermissionProblem, Problem, type Caller } from '@truffle/kit';

/** A place in the tenancy tree as rows keep it: null above its level. */
export interface Place {
  readonly scope_id: string;
  readonly workspace_id: string | null;
  readonly project_id: string | null;
}

/** The last owner of an organization can't be taken away or made less. */
export class LastOwnerProblem extends Problem {
  override readonly name = 'LastOwnerProblem';
  constructor(orgId: string) {
    super(Code.FailedPrecondition, 'LAST_OWNER', 'an organization keeps at least one owner; make another one first', {
      parameters: { orgId },
    });
  }
}

/** The highest role that the caller has at `place`, from there or from above. */
export function roleAt(caller: Pick<Caller, 'bindings' | 'orgId'>, place: Place): Role {
  const above = new Set([caller.orgId, place.workspace_id, place.project_id, place.scope_id]);
  const roles = caller.bindings.filter((b) => b.orgId === caller.orgId && above.has(b.scopeId)).map((b) => b.role);
  return roles.reduce((highest, role) => (role > highest ? role : highest), Role.UNSPECIFIED);
}

/** Nobody gives, changes or takes away more than they have. @throws PermissionProblem */
export function demandRole(caller: Pick<Caller, 'bindings' | 'orgId'>, place: Place, role: Role): void {
  if (role > roleAt(caller, place))
    throw new PermissionProblem(`member.set:${Role[role].toLowerCase()}`, place.scope_id);
}

/** Where the call's own resource is: what the gate resolved. */
export const placeOf = (caller: Caller, scopeId: string): Place => ({
  scope_id: scopeId,
  workspace_id: caller.workspaceId ?? null,
  project_id: caller.projectId ?? null,
});

import { Role } from '@truffle/api/tenant/v1/account';

/** What each role may do: permissions or `<noun>.*`; each role has those of the one before it. Data, not code. */
const grants: readonly (readonly [Role, readonly string[]])[] = [
  [
    Role.VIEWER,
    [
      'organization.get',
      'workspace.get',
      'workspace.list',
      'project.get',
      'project.list',
      'member.list',
      'event.list',
      'event.watch',
      'template.get',
      'template.list',
      'template.validate',
      'agent.get',
      'agent.list',
      'cluster.get',
      'cluster.list',
      'cluster.plan',
      'server.get',
      'server.list',
      'snapshot.list',
      'image.get',
      'operation.get',
      'operation.list',
      'operation.watch',
      'operation.logs',
      'entitlement.get',
      'usage.list',
    ],
  ],
  [
    Role.OPERATOR,
    [
      'cluster.create',
      'cluster.delete',
      'server.start',
      'server.stop',
      'server.resize',
      'server.migrate',
      'server.rollback',
      'snapshot.create',
      'snapshot.delete',
      'orphan.collect',
      'image.import',
      'cluster.reveal',
      'operation.cancel',
      'operation.retry',
      'operation.undo',
      'agent.ping',
    ],
  ],
  [
    Role.ADMIN,
    [
      'workspace.create',
      'workspace.delete',
      'project.create',
      'project.delete',
      'member.set',
      'member.delete',
      'allowlist.get',
      'invitation.create',
      'invitation.list',
      'invitation.revoke',
      'api_key.create',
      'api_key.list',
      'api_key.revoke',
      'agent.enrol',
      'agent.revoke',
      'agent.release',
      'agent.approve',
      'template.create',
      'template.delete',
      'audit.list',
      'audit.export',
      'audit_stream.list',
      'audit_stream.create',
      'audit_stream.test',
      'audit_stream.resume',
      'audit_stream.delete',
    ],
  ],
  [Role.OWNER, ['allowlist.set', 'audit.erase', 'organization.secure']],
];

const permissionsOf = new Map<Role, ReadonlySet<string>>();
const inherited = new Set<string>();
for (const [role, own] of grants) {
  for (const permission of own) inherited.add(permission);
  permissionsOf.set(role, new Set(inherited));
}

/** Whether `role` carries `permission`. */
export const roleGrants = (role: Role, permission: string): boolean =>
  permissionsOf.get(role)?.has(permission) ?? false;

/** Every permission that some role carries. */
export const knownPermissions = (): ReadonlySet<string> => inherited;

/** A place in the tenancy tree, with those above it. */
export interface Scope {
  readonly orgId: string;
  readonly workspaceId?: string | undefined;
  readonly projectId?: string | undefined;
}

export interface Grant {
  readonly role: Role;
  readonly scopeId: string;
  readonly orgId: string;
}

/** Whether one of `bindings` gives `permission` at `scope`; a binding holds at its place and everywhere below. */
export function allows(bindings: readonly Grant[], permission: string, scope: Scope): boolean {
  return bindings.some((b) => b.orgId === scope.orgId && covers(b.scopeId, scope) && roleGrants(b.role, permission));
}

/** Whether one of `bindings` reaches `scope` at all, from above it. */
export const reaches = (bindings: readonly Grant[], scope: Scope): boolean =>
  bindings.some((b) => b.orgId === scope.orgId && covers(b.scopeId, scope));

const covers = (scopeId: string, scope: Scope): boolean =>
  scopeId === scope.orgId ||
  (scopeId === scope.workspaceId && scopeId !== '') ||
  (scopeId === scope.projectId && scopeId !== '');

import { Role } from '@truffle/api/tenant/v1/account';

/** What each built-in role may do beside what the one before it may. Data, not code. */
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
      'role.list',
      'group.list',
      'service_account.list',
      'event.list',
      'event.watch',
      'template.get',
      'template.list',
      'template.validate',
      'agent.get',
      'agent.list',
      'rollout.get',
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
      'member.sign_out',
      'allowlist.get',
      'invitation.create',
      'invitation.list',
      'invitation.revoke',
      'api_key.create',
      'api_key.list',
      'api_key.rotate',
      'api_key.revoke',
      'role.create',
      'role.update',
      'role.delete',
      'group.create',
      'group.update',
      'group.delete',
      'service_account.create',
      'service_account.update',
      'service_account.delete',
      'access.explain',
      'access.who_can',
      'connection.list',
      'trust.create',
      'trust.list',
      'trust.revoke',
      'agent.enrol',
      'agent.revoke',
      'agent.release',
      'agent.approve',
      'rollout.set',
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
  [
    Role.OWNER,
    [
      'allowlist.set',
      'audit.erase',
      'organization.secure',
      'organization.delete',
      'connection.manage',
      'impersonation.create',
    ],
  ],
];

const permissionsOf = new Map<Role, ReadonlySet<string>>();
const inherited = new Set<string>();
for (const [role, own] of grants) {
  for (const permission of own) inherited.add(permission);
  permissionsOf.set(role, new Set(inherited));
}

/** What only looks: what an auditor may do of all that there is, beside what a viewer may. */
const auditVerbs: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'export', 'explain', 'who_can']);
permissionsOf.set(
  Role.AUDITOR,
  new Set([
    ...(permissionsOf.get(Role.VIEWER) ?? []),
    ...[...inherited].filter((permission) => auditVerbs.has(permission.split('.')[1] ?? '')),
  ]),
);

const nothing: ReadonlySet<string> = new Set();

/** What a built-in role is made of; nothing for no role. */
export const permissionsOfRole = (role: Role): ReadonlySet<string> => permissionsOf.get(role) ?? nothing;

/** Whether `role` carries `permission`. */
export const roleGrants = (role: Role, permission: string): boolean => permissionsOfRole(role).has(permission);

/** Every permission that some role carries. */
export const knownPermissions = (): ReadonlySet<string> => inherited;

import { Role } from '@truffle/api/tenant/v1/account';
import { PermissionSchema } from '@truffle/api/tenant/v1/access';
import { CustomRoleSchema } from '@truffle/api/tenant/v1/role';
import type { View } from '../output/output.ts';
import { age, stateName } from '../output/text.ts';

/** Built-in roles by the name that people give. */
export const builtInRoles: readonly (readonly [string, Role])[] = [
  ['viewer', Role.VIEWER],
  ['operator', Role.OPERATOR],
  ['admin', Role.ADMIN],
  ['owner', Role.OWNER],
  ['auditor', Role.AUDITOR],
];

export const builtInMark = 'built in';

export const roleView: View<typeof CustomRoleSchema> = {
  schema: CustomRoleSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    PERMISSIONS: (each) => String(each.permissions.length),
    DESCRIPTION: (each) => each.description || '-',
    AGE: (each, now) => (each.createdAt === undefined ? '-' : age(each.createdAt, now)),
    ID: (each) => each.id || '-',
  },
  card: (each) => [
    ['name', each.name],
    ['id', each.id || '-'],
    ['description', each.description || '-'],
    ['revision', String(each.revision)],
    ...each.permissions.map((permission) => ['permission', permission] as const),
  ],
};

export const permissionView: View<typeof PermissionSchema> = {
  schema: PermissionSchema,
  name: (each) => each.name,
  columns: {
    PERMISSION: (each) => each.name,
    ROLES: (each) => each.roles.map((role) => stateName(Role, role)).join(', '),
    'LETS DO': (each) => each.sentences.join(' '),
  },
};

import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { CustomRoleSchema, type CustomRole } from '@truffle/api/tenant/v1/role';
import type { RoleService } from '@truffle/api/tenant/v1/role_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { listRoles, type RoleRow, roleOrdering } from './role.repo.ts';
import { alterRole, dropRole, makeRole } from './role.usecases.ts';

const roleMessage = (row: RoleRow): CustomRole =>
  create(CustomRoleSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    description: row.description,
    permissions: row.permissions,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
  });

export const roleRpc = (parts: TenantParts): ServiceImpl<typeof RoleService> => ({
  createRole: async ({ name, description, permissions }, context) => ({
    role: roleMessage(await makeRole(parts, callerOf(context), { name, description, permissions })),
  }),
  listRoles: async (request, context) => {
    const page = orderedPageOf(context, request, roleOrdering);
    const { rows, next } = page.cut(await parts.tenants.tenant(callerOf(context).orgId, (tx) => listRoles(tx, page)));
    return { roles: rows.map(roleMessage), page: { next } };
  },
  updateRole: async ({ roleId: id, description, permissions, revision }, context) => ({
    role: roleMessage(await alterRole(parts, callerOf(context), { id, description, permissions, revision })),
  }),
  deleteRole: async (request, context) => {
    await dropRole(parts, callerOf(context), request.roleId, request.revision);
    return {};
  },
});

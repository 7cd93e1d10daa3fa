import type { ServiceImpl } from '@connectrpc/connect';
import type { WorkspaceService } from '@truffle/api/tenant/v1/tenancy_service';
import { pageOf } from '@truffle/database';
import { callerOf, NotFoundProblem, scopeOf, viewOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { workspaceMessage } from './workspace.codec.ts';
import { findWorkspace, listWorkspaces } from './workspace.repo.ts';
import { createWorkspace, deleteWorkspace } from './workspace.usecases.ts';

export const workspaceRpc = (parts: TenantParts): ServiceImpl<typeof WorkspaceService> => ({
  createWorkspace: async (request, context) => ({
    workspace: workspaceMessage(await createWorkspace(parts, callerOf(context), request.name)),
  }),
  getWorkspace: async (request, context) => {
    const row = await parts.tenants.tenant(callerOf(context).orgId, (tx) => findWorkspace(tx, request.workspaceId));
    if (row === undefined) throw new NotFoundProblem('workspace', request.workspaceId);
    return { workspace: workspaceMessage(row) };
  },
  listWorkspaces: async (request, context) => {
    const page = pageOf(request.page);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'workspace.list', scopeOf(caller), parts.now().getTime());
    const found = await parts.tenants.tenant(caller.orgId, (tx) =>
      listWorkspaces(tx, seen, page.after, page.limit + 1),
    );
    const { rows, next } = page.cut(found, (row) => row.name);
    return { workspaces: rows.map(workspaceMessage), page: { next } };
  },
  deleteWorkspace: async (request, context) => {
    await deleteWorkspace(parts, callerOf(context), request.workspaceId, request.revision);
    return {};
  },
});

import type { ServiceImpl } from '@connectrpc/connect';
import type { WorkspaceService } from '@truffle/api/tenant/v1/tenancy_service';
import { callerOf, NotFoundProblem, orderedPageOf, scopeOf, viewOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { workspaceMessage } from './workspace.codec.ts';
import { findWorkspace, listWorkspaces, workspaceOrdering } from './workspace.repo.ts';
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
    const page = orderedPageOf(context, request, workspaceOrdering);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'workspace.list', scopeOf(caller), parts.now().getTime());
    const { rows, next } = page.cut(await parts.tenants.tenant(caller.orgId, (tx) => listWorkspaces(tx, seen, page)));
    return { workspaces: rows.map(workspaceMessage), page: { next } };
  },
  deleteWorkspace: async (request, context) => {
    await deleteWorkspace(parts, callerOf(context), request.workspaceId, request.revision);
    return {};
  },
});

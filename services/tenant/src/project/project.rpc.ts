import type { ServiceImpl } from '@connectrpc/connect';
import type { ProjectService } from '@truffle/api/tenant/v1/tenancy_service';
import { pageOf } from '@truffle/database';
import { callerOf, NotFoundProblem, scopeOf, viewOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { projectMessage } from './project.codec.ts';
import { findProject, listProjects } from './project.repo.ts';
import { createProject, deleteProject } from './project.usecases.ts';

export const projectRpc = (parts: TenantParts): ServiceImpl<typeof ProjectService> => ({
  createProject: async (request, context) => ({
    project: projectMessage(await createProject(parts, callerOf(context), request.workspaceId, request.name)),
  }),
  getProject: async (request, context) => {
    const row = await parts.tenants.tenant(callerOf(context).orgId, (tx) => findProject(tx, request.projectId));
    if (row === undefined) throw new NotFoundProblem('project', request.projectId);
    return { project: projectMessage(row) };
  },
  listProjects: async (request, context) => {
    const page = pageOf(request.page);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'project.list', scopeOf(caller), parts.now().getTime());
    const found = await parts.tenants.tenant(caller.orgId, (tx) => listProjects(tx, seen, page.after, page.limit + 1));
    const { rows, next } = page.cut(found, (row) => row.name);
    return { projects: rows.map(projectMessage), page: { next } };
  },
  deleteProject: async (request, context) => {
    await deleteProject(parts, callerOf(context), request.projectId, request.revision);
    return {};
  },
});

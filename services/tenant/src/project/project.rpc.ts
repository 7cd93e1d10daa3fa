import type { ServiceImpl } from '@connectrpc/connect';
import type { ProjectService } from '@truffle/api/tenant/v1/tenancy_service';
import { callerOf, NotFoundProblem, orderedPageOf, scopeOf, viewOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { projectMessage } from './project.codec.ts';
import { findProject, listProjects, projectOrdering } from './project.repo.ts';
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
    const page = orderedPageOf(context, request, projectOrdering);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'project.list', scopeOf(caller), parts.now().getTime());
    const { rows, next } = page.cut(await parts.tenants.tenant(caller.orgId, (tx) => listProjects(tx, seen, page)));
    return { projects: rows.map(projectMessage), page: { next } };
  },
  deleteProject: async (request, context) => {
    await deleteProject(parts, callerOf(context), request.projectId, request.revision);
    return {};
  },
});

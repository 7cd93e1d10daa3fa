import type { ServiceImpl } from '@connectrpc/connect';
import type { OrganizationService } from '@truffle/api/tenant/v1/tenancy_service';
import { pageOf } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, bells, callerOf, NotFoundProblem, PermissionProblem } from '@truffle/kit';
import { demandFree, demandVerified } from '../account/person.usecases.ts';
import type { TenantParts } from '../parts.ts';
import { projectMessage } from '../project/project.codec.ts';
import { workspaceMessage } from '../workspace/workspace.codec.ts';
import { deleteOrganization } from './deletion.usecases.ts';
import { organizationMessage } from './organization.codec.ts';
import { findOrganization, listOrganizations } from './organization.repo.ts';
import { foundOrganization } from './organization.usecases.ts';
import { requireSecondFactor } from './second-factor.usecases.ts';

export const organizationRpc = (parts: TenantParts): ServiceImpl<typeof OrganizationService> => ({
  createOrganization: async (request, context) => {
    const caller = callerOf(context);
    // A key belongs to one organization and can't own another.
    if (!caller.subject.startsWith('user:')) throw new PermissionProblem('organization.create', 'this installation');
    await demandFree(parts, caller);
    await demandVerified(parts, caller);
    const wanted = { id: newId('org'), name: request.name, title: request.title, owner: caller.subject };
    const made = await foundOrganization(parts, authorOf(caller), wanted, 'name');
    parts.bell.ring(bells.identity);
    return {
      organization: organizationMessage(made.organization),
      workspace: workspaceMessage(made.workspace),
      project: projectMessage(made.project),
    };
  },
  getOrganization: async (request, context) => {
    const row = await parts.tenants.tenant(callerOf(context).orgId, (tx) => findOrganization(tx, request.orgId));
    if (row === undefined) throw new NotFoundProblem('organization', request.orgId);
    return { organization: organizationMessage(row) };
  },
  requireSecondFactor: async (request, context) => ({
    organization: organizationMessage(await requireSecondFactor(parts, callerOf(context), request.required)),
  }),
  deleteOrganization: async (request, context) => {
    await deleteOrganization(parts, callerOf(context), request.name);
    return {};
  },
  listOrganizations: async (request, context) => {
    const page = pageOf(request.page);
    const { bindings, withheld = [] } = callerOf(context);
    const orgIds = [...bindings, ...withheld].map((b) => b.orgId);
    const found = await parts.identity.anywhere((tx) => listOrganizations(tx, orgIds, page.after, page.limit + 1));
    const { rows, next } = page.cut(found, (row) => row.name);
    return { organizations: rows.map(organizationMessage), page: { next } };
  },
});

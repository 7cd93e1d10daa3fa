import { isId } from '@truffle/ids';
import { findOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { findProject } from '../project/project.repo.ts';
import { findWorkspace } from '../workspace/workspace.repo.ts';

/** A place and those above it; empty above an organization. */
export interface ScopeChain {
  readonly scopeId: string;
  readonly orgId: string;
  readonly workspaceId: string;
  readonly projectId: string;
}

/** The chains of those of `ids` that are in `orgId`; what is not there is left out. */
export async function resolveScopes(parts: TenantParts, orgId: string, ids: readonly string[]): Promise<ScopeChain[]> {
  if (orgId === '') return [];
  return parts.tenants.tenant(orgId, async (tx) => {
    const chains: ScopeChain[] = [];
    if ((await findOrganization(tx, orgId)) === undefined) return chains;
    for (const scopeId of new Set(ids)) {
      if (scopeId === orgId) chains.push({ scopeId, orgId, workspaceId: '', projectId: '' });
      else if (isId(scopeId, 'wks') && (await findWorkspace(tx, scopeId)) !== undefined)
        chains.push({ scopeId, orgId, workspaceId: scopeId, projectId: '' });
      else if (isId(scopeId, 'prj')) {
        const project = await findProject(tx, scopeId);
        if (project !== undefined)
          chains.push({ scopeId, orgId, workspaceId: project.workspace_id, projectId: scopeId });
      }
    }
    return chains;
  });
}

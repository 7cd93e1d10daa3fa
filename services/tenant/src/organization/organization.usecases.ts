import { Role } from '@truffle/api/tenant/v1/account';
import { appendEvent, databaseErrorCode, type EventAuthor, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { AlreadyExistsProblem } from '@truffle/kit';
import { insertBinding } from '../binding/binding.repo.ts';
import type { TenantParts } from '../parts.ts';
import { insertProject } from '../project/project.repo.ts';
import type { TenantTables } from '../tables.ts';
import { insertWorkspace } from '../workspace/workspace.repo.ts';
import { insertOrganization, type OrganizationRow } from './organization.repo.ts';
import type { WorkspaceRow } from '../workspace/workspace.repo.ts';
import type { ProjectRow } from '../project/project.repo.ts';

export interface Founded {
  readonly organization: OrganizationRow;
  readonly workspace: WorkspaceRow;
  readonly project: ProjectRow;
}

export interface NewOrganization {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  /** `user:usr_…` */
  readonly owner: string;
}

/** Name of an organization's first workspace and first project. */
const firstName = 'default';

/**
 * Makes an organization with a first workspace and project and its owner, in a transaction that `besides` may add to.
 * @throws AlreadyExistsProblem when the name is taken; `field` names it in the request
 */
export async function foundOrganization(
  parts: TenantParts,
  author: EventAuthor,
  wanted: NewOrganization,
  field: string,
  besides: (tx: Transaction<TenantTables>) => Promise<void> = async () => undefined,
): Promise<Founded> {
  const founded = rowsOf(parts, wanted);
  const { organization, workspace, project } = founded;
  await parts.identity.tenant(wanted.id, async (tx) => {
    await besides(tx);
    try {
      await insertOrganization(tx, organization);
    } catch (error) {
      throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('organization', wanted.name, field) : error;
    }
    await insertWorkspace(tx, workspace);
    await insertProject(tx, project);
    await insertBinding(tx, {
      org_id: wanted.id,
      id: newId('bnd'),
      subject: wanted.owner,
      role: Role.OWNER,
      scope_id: wanted.id,
      workspace_id: null,
      project_id: null,
      quota_holder: null,
      created_at: organization.created_at,
    });
    const org = { orgId: wanted.id };
    await appendEvent(tx, author, {
      ...org,
      name: 'organization.created',
      resourceId: wanted.id,
      data: { after: { name: wanted.name, title: wanted.title, owner: wanted.owner } },
    });
    await appendEvent(tx, author, {
      ...org,
      name: 'workspace.created',
      resourceId: workspace.id,
      data: { after: { name: firstName } },
    });
    await appendEvent(tx, author, {
      ...org,
      name: 'project.created',
      resourceId: project.id,
      projectId: project.id,
      data: { after: { name: firstName, workspaceId: workspace.id } },
    });
  });
  return founded;
}

function rowsOf(parts: TenantParts, wanted: NewOrganization): Founded {
  const fresh = { protected: false, revision: '1', created_at: parts.now(), deleted_at: null };
  const workspace = { ...fresh, org_id: wanted.id, id: newId('wks'), name: firstName };
  return {
    organization: {
      ...fresh,
      org_id: wanted.id,
      name: wanted.name,
      title: wanted.title === '' ? wanted.name : wanted.title,
      home_region: parts.homeRegion,
      second_factor_required: false,
    },
    workspace,
    project: {
      ...fresh,
      org_id: wanted.id,
      id: newId('prj'),
      workspace_id: workspace.id,
      name: firstName,
      quota_holder: null,
    },
  };
}

import { ProjectUseService } from '@truffle/api/orchestration/v1/project_use_service';
import { appendEvent, databaseErrorCode } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  bells,
  NotFoundProblem,
  onBehalfOf,
  PreconditionProblem,
  StaleRevisionProblem,
  type Caller,
} from '@truffle/kit';
import { revokeKeysAt } from '../api-key/api-key.repo.ts';
import { deleteBindingsAt } from '../binding/binding.repo.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import { lockWorkspace } from '../workspace/workspace.repo.ts';
import { insertProject, lockProject, markProjectDeleted, type ProjectRow } from './project.repo.ts';

/** @throws NotFoundProblem without the workspace, AlreadyExistsProblem when the organization has a project of that name */
export async function createProject(
  parts: TenantParts,
  caller: Caller,
  workspaceId: string,
  name: string,
): Promise<ProjectRow> {
  const fresh = { protected: false, revision: '1', created_at: parts.now(), deleted_at: null };
  const row = {
    ...fresh,
    org_id: caller.orgId,
    id: newId('prj'),
    workspace_id: workspaceId,
    name,
    quota_holder: caller.quotaHolder,
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    if ((await lockWorkspace(tx, workspaceId)) === undefined) throw new NotFoundProblem('workspace', workspaceId);
    try {
      await insertProject(tx, row);
    } catch (error) {
      throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('project', name) : error;
    }
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'project.created',
      resourceId: row.id,
      projectId: row.id,
      data: { after: { name, workspaceId } },
    });
  });
  return row;
}

/** Deletes an empty project with the roles and keys given at it. @throws PreconditionProblem when it holds clusters, StaleRevisionProblem */
export async function deleteProject(parts: TenantParts, caller: Caller, id: string, revision: bigint): Promise<void> {
  await demandNoClusters(parts, caller, id);
  const gone = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await lockProject(tx, id);
    if (row === undefined) throw new NotFoundProblem('project', id);
    if (revision !== 0n && revision !== BigInt(row.revision))
      throw new StaleRevisionProblem('project', id, revision, BigInt(row.revision));
    if (row.protected) throw new PreconditionProblem('PROTECTED', `project ${row.name} is protected`, { id });
    const bindings = await deleteBindingsAt(tx, id);
    const keys = await revokeKeysAt(tx, id, parts.now());
    await markProjectDeleted(tx, id, parts.now());
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'project.deleted',
      resourceId: id,
      projectId: id,
      data: { before: { name: row.name } },
    });
    return { bindings, keys, project: row.quota_holder };
  });
  parts.bell.ring(bells.identity);
  await releaseQuota(parts, caller, 'projects', gone.project);
  for (const holder of gone.bindings) await releaseQuota(parts, caller, 'members', holder);
  for (const holder of gone.keys) await releaseQuota(parts, caller, 'api_keys', holder);
}

/** A cluster that is made between this answer and the commit finds its project gone; it is still reached through its own id. */
async function demandNoClusters(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  const { clusters } = await parts.peers
    .client('orchestration', ProjectUseService, onBehalfOf(caller))
    .countClusters({ projectId: id });
  if (clusters > 0)
    throw new PreconditionProblem(
      'PROJECT_NOT_EMPTY',
      `project ${id} holds ${clusters} cluster(s); delete them first`,
      { id, clusters: String(clusters) },
    );
}

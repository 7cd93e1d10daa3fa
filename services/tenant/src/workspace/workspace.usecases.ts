import { appendEvent, databaseErrorCode } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  bells,
  NotFoundProblem,
  PreconditionProblem,
  StaleRevisionProblem,
  type Caller,
} from '@truffle/kit';
import { revokeKeysAt } from '../api-key/api-key.repo.ts';
import { deleteBindingsAt } from '../binding/binding.repo.ts';
import type { TenantParts } from '../parts.ts';
import { countProjects } from '../project/project.repo.ts';
import { releaseQuota } from '../quota.ts';
import { insertWorkspace, lockWorkspace, markWorkspaceDeleted, type WorkspaceRow } from './workspace.repo.ts';

/** @throws AlreadyExistsProblem when the organization has a workspace of that name */
export async function createWorkspace(parts: TenantParts, caller: Caller, name: string): Promise<WorkspaceRow> {
  const row = {
    org_id: caller.orgId,
    id: newId('wks'),
    name,
    protected: false,
    revision: '1',
    created_at: parts.now(),
    deleted_at: null,
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    try {
      await insertWorkspace(tx, row);
    } catch (error) {
      throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('workspace', name) : error;
    }
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'workspace.created',
      resourceId: row.id,
      data: { after: { name } },
    });
  });
  return row;
}

/** Deletes an empty workspace with the roles and keys given at it. @throws PreconditionProblem when it holds projects, StaleRevisionProblem */
export async function deleteWorkspace(parts: TenantParts, caller: Caller, id: string, revision: bigint): Promise<void> {
  const gone = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await lockWorkspace(tx, id);
    if (row === undefined) throw new NotFoundProblem('workspace', id);
    if (revision !== 0n && revision !== BigInt(row.revision))
      throw new StaleRevisionProblem('workspace', id, revision, BigInt(row.revision));
    if (row.protected) throw new PreconditionProblem('PROTECTED', `workspace ${row.name} is protected`, { id });
    const projects = await countProjects(tx, id);
    if (projects > 0)
      throw new PreconditionProblem(
        'WORKSPACE_NOT_EMPTY',
        `workspace ${row.name} holds ${projects} project(s); delete them first`,
        { id, projects: String(projects) },
      );
    const bindings = await deleteBindingsAt(tx, id);
    const keys = await revokeKeysAt(tx, id, parts.now());
    await markWorkspaceDeleted(tx, id, parts.now());
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'workspace.deleted',
      resourceId: id,
      data: { before: { name: row.name } },
    });
    return { bindings, keys };
  });
  parts.bell.ring(bells.identity);
  for (const holder of gone.bindings) await releaseQuota(parts, caller, 'members', holder);
  for (const holder of gone.keys) await releaseQuota(parts, caller, 'api_keys', holder);
}

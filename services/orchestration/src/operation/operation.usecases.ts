import { appendEvent, type Transaction } from '@truffle/database';
import { authorOf, bells, NotFoundProblem, PreconditionProblem, type Bell, type Caller } from '@truffle/kit';
import { lockCluster, updateCluster, type ClusterRow } from '../cluster/cluster.repo.ts';
import { openDeletion, type ClusterDeps } from '../cluster/cluster.usecases.ts';
import type { Tables } from '../cluster/cluster.table.ts';
import { serversOf } from '../server/server.repo.ts';
import { retryChange, undoChange } from '../server/server.usecases.ts';
import { openOperation } from './operation.open.ts';
import {
  findOperation,
  lockOperation,
  stepsOf,
  updateOperation,
  type OperationRow,
  type OperationView,
} from './operation.repo.ts';

export interface OperationDeps extends ClusterDeps {
  readonly bell: Bell;
}

/** Asks an operation to stop. One that has ended stays as it is. */
export async function cancelOperation(deps: OperationDeps, caller: Caller, id: string): Promise<OperationView> {
  const operation = await deps.database.tenant(caller.orgId, async (tx) => {
    const row = await locked(tx, id);
    if (row.ended_at === null && !row.cancel_requested) {
      await updateOperation(tx, id, { cancelRequested: true });
      await appendEvent(tx, authorOf(caller), {
        orgId: row.org_id,
        name: 'operation.cancel_requested',
        resourceId: id,
        projectId: row.project_id,
        data: { clusterId: row.cluster_id },
      });
    }
    return found(tx, id);
  });
  deps.bell.ring(bells.workflow, operation.cluster_id);
  return operation;
}

/** Goes on where a failed or cancelled operation stopped: a new one whose finished steps count as done. */
export async function retryOperation(deps: OperationDeps, caller: Caller, id: string): Promise<OperationView> {
  const operation = await deps.database.tenant(caller.orgId, async (tx) => {
    const { row, cluster } = await ended(tx, id);
    const { kind } = row;
    if (kind !== 'CREATE' && kind !== 'DELETE') return retryChange(tx, caller, row, cluster);
    if (kind === 'CREATE') await requireNoneStopped(tx, cluster);
    const steps = (await stepsOf(tx, id)).map((s) => ({
      key: s.key,
      stage: s.stage,
      position: s.position,
      action: s.action,
      title: s.title,
      serverId: s.server_id,
      deployment: s.deployment,
      intent: s.intent,
    }));
    const next = await openOperation(tx, caller, cluster, { kind, steps, follows: id });
    await updateCluster(tx, cluster.id, {
      state: kind === 'CREATE' ? 'CREATING' : 'DELETING',
      operation_id: next.id,
      failure: null,
    });
    return next;
  });
  deps.start(operation);
  return operation;
}

/** Making it would start it, and what somebody stopped is started by nobody else. */
async function requireNoneStopped(tx: Transaction<Tables>, cluster: ClusterRow): Promise<void> {
  const stopped = (await serversOf(tx, cluster.id)).find((s) => s.power === 'STOPPED' && s.state !== 'DELETED');
  if (stopped !== undefined)
    throw new PreconditionProblem(
      'SERVER_STOPPED',
      `the server ${stopped.name} was stopped; start it first: truffle server start ${stopped.name}`,
      { serverId: stopped.id },
    );
}

/** Takes back what a failed or cancelled creation made, or what such a change did to its server. */
export async function undoOperation(deps: OperationDeps, caller: Caller, id: string): Promise<OperationView> {
  const operation = await deps.database.tenant(caller.orgId, async (tx) => {
    const { row, cluster } = await ended(tx, id);
    if (row.kind !== 'CREATE' && row.kind !== 'DELETE') return undoChange(tx, caller, row, cluster);
    if (row.kind === 'DELETE')
      throw new PreconditionProblem('NOT_UNDOABLE', 'a deletion cannot be undone; retry it instead');
    return openDeletion(tx, caller, cluster, id);
  });
  deps.start(operation);
  return operation;
}

async function ended(tx: Transaction<Tables>, id: string): Promise<{ row: OperationRow; cluster: ClusterRow }> {
  const row = await locked(tx, id);
  if (row.state !== 'FAILED' && row.state !== 'CANCELLED')
    throw new PreconditionProblem(
      'OPERATION_NOT_FAILED',
      `only a failed or cancelled operation can be retried or undone; this one is ${row.state}`,
      { state: row.state },
    );
  const cluster = await lockCluster(tx, row.cluster_id);
  if (cluster === undefined || cluster.state === 'DELETED')
    throw new PreconditionProblem('CLUSTER_DELETED', 'the cluster is deleted');
  return { row, cluster };
}

async function locked(tx: Transaction<Tables>, id: string): Promise<OperationRow> {
  const row = await lockOperation(tx, id);
  if (row === undefined) throw new NotFoundProblem('operation', id);
  return row;
}

async function found(tx: Transaction<Tables>, id: string): Promise<OperationView> {
  const view = await findOperation(tx, id);
  if (view === undefined) throw new NotFoundProblem('operation', id);
  return view;
}

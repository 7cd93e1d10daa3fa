import type { ClusterSpec } from '@truffle/api/orchestration/v1/cluster_service';
import { appendEvent, databaseErrorCode, type Transaction } from '@truffle/database';
import { deriveId, newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  NotFoundProblem,
  PreconditionProblem,
  StaleRevisionProblem,
  type Caller,
} from '@truffle/kit';
import { openOperation, type OperationStart } from '../operation/operation.open.ts';
import { creationSteps, deletionSteps } from '../operation/operation.steps.ts';
import { findCreation, findDeletion, type OperationView } from '../operation/operation.repo.ts';
import { nodesApart } from '../plan/plan.ts';
import { drawPlan, type Drawn, type PlanDeps } from '../plan/plan.usecases.ts';
import { insertServers, serversOf, type ServerRow } from '../server/server.repo.ts';
import {
  findCluster,
  insertCluster,
  lockCluster,
  updateCluster,
  type ClusterRow,
  type ClusterView,
} from './cluster.repo.ts';
import type { Tables } from './cluster.table.ts';

export interface ClusterDeps extends PlanDeps {
  /** Starts the workflow of an operation that has been committed; safe to lose, the sweep finds it. */
  readonly start: OperationStart;
}

/** Stores a cluster with its servers, operation and steps, and starts the work. */
export async function createCluster(
  deps: ClusterDeps,
  caller: Caller,
  spec: ClusterSpec,
): Promise<{ cluster: ClusterView; operation: OperationView }> {
  const drawn = await drawPlan(deps, caller, spec);
  const refusal = drawn.planned.refusals[0];
  if (refusal !== undefined)
    throw new PreconditionProblem(refusal.reason, `${refusal.message}; ${refusal.remedy}`, refusal.parameters);
  const stored = await deps.database
    .tenant(caller.orgId, (tx) => storeCluster(tx, caller, spec, drawn))
    .catch(async (error: unknown) => {
      if (databaseErrorCode(error) !== '23505') throw error;
      const made = await madeBefore(deps, caller, spec);
      if (made === undefined) throw new AlreadyExistsProblem('cluster', spec.name, 'spec.name');
      return made;
    });
  deps.start(stored.operation);
  return stored;
}

/** The id of a cluster that a call with an idempotency key makes; undefined for one without. */
const repeatedId = ({ repetition }: Caller): string | undefined =>
  repetition === undefined ? undefined : deriveId('clu', repetition);

/** What the same call made already, when the answer to its commit was lost on the way. */
async function madeBefore(
  deps: ClusterDeps,
  caller: Caller,
  spec: ClusterSpec,
): Promise<{ cluster: ClusterView; operation: OperationView } | undefined> {
  const id = repeatedId(caller);
  if (id === undefined) return undefined;
  return deps.database.tenant(caller.orgId, async (tx) => {
    const cluster = await findCluster(tx, id);
    if (cluster?.name !== spec.name || cluster.state === 'DELETED') return undefined;
    // The call that failed gave its quota back: this one's counts from now on.
    await updateCluster(tx, id, { quota_holder: caller.quotaHolder });
    const operation = await findCreation(tx, id);
    return operation === undefined ? undefined : { cluster, operation };
  });
}

/** Starts destroying a cluster; one that is being destroyed, or is gone, answers with the operation that does or did it. */
export async function deleteCluster(
  deps: ClusterDeps,
  caller: Caller,
  clusterId: string,
  revision: bigint,
): Promise<OperationView> {
  const operation = await deps.database.tenant(caller.orgId, async (tx) => {
    const cluster = await lockCluster(tx, clusterId);
    if (cluster === undefined) throw new NotFoundProblem('cluster', clusterId);
    if (cluster.state === 'DELETING' || cluster.state === 'DELETED') return deletionOf(tx, cluster);
    if (revision !== 0n && revision !== BigInt(cluster.revision))
      throw new StaleRevisionProblem('cluster', clusterId, revision, BigInt(cluster.revision));
    if (cluster.protected)
      throw new PreconditionProblem('CLUSTER_PROTECTED', `the cluster ${cluster.name} is protected`);
    return openDeletion(tx, caller, cluster, undefined);
  });
  if (operation.ended_at === null) deps.start(operation);
  return operation;
}

/** What the same call began before. */
async function deletionOf(tx: Transaction<Tables>, cluster: ClusterRow): Promise<OperationView> {
  const operation = await findDeletion(tx, cluster.id);
  if (operation === undefined)
    throw new TypeError(`a cluster that is ${cluster.state} has an operation that made it so`);
  return operation;
}

/** The operation that destroys `cluster`, committed with its steps. */
export async function openDeletion(
  tx: Transaction<Tables>,
  caller: Caller,
  cluster: ClusterRow,
  follows: string | undefined,
): Promise<OperationView> {
  const servers = (await serversOf(tx, cluster.id)).filter(mayExist);
  const operation = await openOperation(tx, caller, cluster, {
    kind: 'DELETE',
    steps: deletionSteps(servers),
    follows,
  });
  await updateCluster(tx, cluster.id, { state: 'DELETING', operation_id: operation.id });
  return operation;
}

/** A server that has no number was never begun. */
const mayExist = (server: ServerRow): boolean => server.vmid !== null && server.state !== 'DELETED';

async function storeCluster(
  tx: Transaction<Tables>,
  caller: Caller,
  spec: ClusterSpec,
  drawn: Drawn,
): Promise<{ cluster: ClusterView; operation: OperationView }> {
  const repeated = repeatedId(caller);
  const isUsed = repeated !== undefined && (await findCluster(tx, repeated)) !== undefined;
  const id = repeated === undefined || isUsed ? newId('clu') : repeated;
  await insertCluster(tx, clusterRow(id, caller, spec, drawn));
  await insertServers(tx, serverRows(id, caller, spec, drawn));
  const cluster = await lockCluster(tx, id);
  if (cluster === undefined) throw new TypeError('a row that was just inserted is there');
  const operation = await openOperation(tx, caller, cluster, {
    kind: 'CREATE',
    steps: creationSteps(await serversOf(tx, id), drawn.rollout, nodesApart(drawn.planned.placements)),
    follows: undefined,
  });
  await updateCluster(tx, id, { operation_id: operation.id });
  await appendEvent(tx, authorOf(caller), {
    orgId: caller.orgId,
    name: 'cluster.created',
    resourceId: id,
    projectId: caller.projectId,
    data: {
      after: {
        name: spec.name,
        agentId: spec.agentId,
        template: drawn.templateRef,
        parameters: drawn.parameters,
        servers: drawn.planned.placements.length,
      },
      operationId: operation.id,
    },
  });
  const view = await findCluster(tx, id);
  if (view === undefined) throw new TypeError('a row that was just inserted is there');
  return { cluster: view, operation };
}

const placeOf = (caller: Caller) => ({ org_id: caller.orgId, project_id: caller.projectId ?? '' });

const clusterRow = (
  id: string,
  caller: Caller,
  spec: ClusterSpec,
  drawn: Drawn,
): Parameters<typeof insertCluster>[1] => ({
  ...placeOf(caller),
  id,
  agent_id: spec.agentId,
  name: spec.name,
  template_version_id: spec.templateVersionId,
  template_ref: drawn.templateRef,
  template: JSON.stringify(drawn.template),
  parameters: JSON.stringify(drawn.parameters),
  secrets: JSON.stringify(
    spec.secrets.map((s) => ({
      name: s.name,
      keyId: s.keyId,
      sealed: Buffer.from(s.sealed).toString('base64'),
      version: s.version,
      notAfter: Number(s.notAfter),
    })),
  ),
  generated: JSON.stringify(drawn.generated.map((g) => ({ name: g.name, length: g.length, charset: g.charset ?? '' }))),
  state: 'CREATING',
  quota_holder: caller.quotaHolder,
});

const serverRows = (
  clusterId: string,
  caller: Caller,
  spec: ClusterSpec,
  drawn: Drawn,
): Parameters<typeof insertServers>[1] =>
  drawn.planned.placements.map(({ server, node }) => ({
    ...placeOf(caller),
    id: deriveId('srv', clusterId, server.role, server.index),
    cluster_id: clusterId,
    agent_id: spec.agentId,
    name: server.name,
    role: server.role,
    index: server.index,
    state: 'PENDING',
    node,
    image: server.image,
    cpu: server.cpu,
    memory_bytes: server.memoryBytes,
    disk_bytes: server.diskBytes,
    networks: JSON.stringify(server.networks),
  }));

import type { ServiceImpl } from '@connectrpc/connect';
import type { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import type { ProjectUseService } from '@truffle/api/orchestration/v1/project_use_service';
import { callerOf, InvalidProblem, NotFoundProblem, orderedPageOf, scopeOf, viewOf } from '@truffle/kit';
import { operationMessage } from '../operation/operation.codec.ts';
import { planMessage } from '../plan/plan.codec.ts';
import { drawPlan } from '../plan/plan.usecases.ts';
import { clusterMessage } from './cluster.codec.ts';
import { clusterOrdering, clustersInUse, countClusters, findCluster, findPlace, listClusters } from './cluster.repo.ts';
import { revealOutputs, type RevealDeps } from './cluster.reveal.ts';
import { createCluster, deleteCluster, type ClusterDeps } from './cluster.usecases.ts';

export const clusterRpc = (deps: ClusterDeps & RevealDeps): ServiceImpl<typeof ClusterService> => ({
  planCluster: async (request, context) => ({
    plan: planMessage(await drawPlan(deps, callerOf(context), given(request.spec))),
  }),

  createCluster: async (request, context) => {
    const { cluster, operation } = await createCluster(deps, callerOf(context), given(request.spec));
    return { cluster: clusterMessage(cluster), operation: operationMessage(operation) };
  },

  getCluster: async (request, context) => {
    const row = await deps.database.tenant(callerOf(context).orgId, (tx) => findCluster(tx, request.clusterId));
    if (row === undefined) throw new NotFoundProblem('cluster', request.clusterId);
    return { cluster: clusterMessage(row) };
  },

  listClusters: async (request, context) => {
    const page = orderedPageOf(context, request, clusterOrdering);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'cluster.list', scopeOf(caller), Date.now());
    const rows = await deps.database.tenant(caller.orgId, (tx) =>
      listClusters(tx, request.projectId, { ...request, seen }, page),
    );
    const cut = page.cut(rows);
    return { clusters: cut.rows.map(clusterMessage), page: { next: cut.next } };
  },

  deleteCluster: async (request, context) => ({
    operation: operationMessage(await deleteCluster(deps, callerOf(context), request.clusterId, request.revision)),
  }),

  revealOutputs: async (request, context) => ({
    outputs: [...(await revealOutputs(deps, callerOf(context), request))],
  }),
});

/** As many clusters are named to who has to delete them first. */
const mostNamed = 10;

export const projectUseRpc = (deps: ClusterDeps): ServiceImpl<typeof ProjectUseService> => ({
  countClusters: async (request, context) => ({
    clusters: await deps.database.tenant(callerOf(context).orgId, (tx) => countClusters(tx, request.projectId)),
  }),
  listUse: async (_request, context) => {
    const { names, count } = await deps.database.tenant(callerOf(context).orgId, (tx) => clustersInUse(tx, mostNamed));
    return { clusters: names, count };
  },
  findPlace: async (request, context) => {
    const found = await deps.database.tenant(callerOf(context).orgId, (tx) => findPlace(tx, request.resourceId));
    return { projectId: found?.projectId ?? '', clusterId: found?.within?.[0] ?? '' };
  },
});

function given<T>(spec: T | undefined): T {
  if (spec === undefined) throw new InvalidProblem([{ field: 'spec', description: 'is required' }]);
  return spec;
}

import type { ServiceImpl } from '@connectrpc/connect';
import type { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { callerOf, NotFoundProblem, orderedPageOf, scopeOf, viewOf } from '@truffle/kit';
import type { ClusterDeps } from '../cluster/cluster.usecases.ts';
import { operationMessage } from '../operation/operation.codec.ts';
import { serverMessage } from './server.codec.ts';
import { findServer, listProjectServers, listServers, projectServerOrdering, serverOrdering } from './server.repo.ts';
import { changeServer } from './server.usecases.ts';

export const serverRpc = (deps: ClusterDeps): ServiceImpl<typeof ServerService> => ({
  getServer: async (request, context) => {
    const row = await deps.database.tenant(callerOf(context).orgId, (tx) => findServer(tx, request.serverId));
    if (row === undefined) throw new NotFoundProblem('server', request.serverId);
    return { server: serverMessage(row) };
  },

  listServers: async (request, context) => {
    const page = orderedPageOf(context, request, serverOrdering);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'server.list', scopeOf(caller), Date.now());
    const rows = await deps.database.tenant(caller.orgId, (tx) => listServers(tx, request.clusterId, seen, page));
    const cut = page.cut(rows);
    return { servers: cut.rows.map(serverMessage), page: { next: cut.next } };
  },

  listProjectServers: async (request, context) => {
    const page = orderedPageOf(context, request, projectServerOrdering);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'server.list', scopeOf(caller), Date.now());
    const rows = await deps.database.tenant(caller.orgId, (tx) => listProjectServers(tx, { ...request, seen }, page));
    const cut = page.cut(rows);
    return { servers: cut.rows.map(serverMessage), page: { next: cut.next } };
  },

  startServer: async ({ serverId, revision }, context) => ({
    operation: operationMessage(
      await changeServer(deps, callerOf(context), serverId, revision, { kind: 'START_SERVER' }),
    ),
  }),

  stopServer: async ({ serverId, revision, shutdownSeconds }, context) => ({
    operation: operationMessage(
      await changeServer(deps, callerOf(context), serverId, revision, { kind: 'STOP_SERVER', shutdownSeconds }),
    ),
  }),

  resizeServer: async ({ serverId, revision, cpu, memoryBytes, diskBytes, allowRestart }, context) => ({
    operation: operationMessage(
      await changeServer(deps, callerOf(context), serverId, revision, {
        kind: 'RESIZE_SERVER',
        cpu,
        memoryBytes: Number(memoryBytes),
        diskBytes: Number(diskBytes),
        allowRestart,
      }),
    ),
  }),

  migrateServer: async ({ serverId, revision, targetNode, withLocalDisks }, context) => ({
    operation: operationMessage(
      await changeServer(deps, callerOf(context), serverId, revision, {
        kind: 'MIGRATE_SERVER',
        targetNode,
        withLocalDisks,
      }),
    ),
  }),
});

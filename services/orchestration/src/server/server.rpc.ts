import type { ServiceImpl } from '@connectrpc/connect';
import type { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { pageOf, type Database } from '@truffle/database';
import { callerOf, NotFoundProblem } from '@truffle/kit';
import type { Tables } from '../cluster/cluster.table.ts';
import { serverMessage } from './server.codec.ts';
import { findServer, listServers } from './server.repo.ts';

export const serverRpc = (database: Database<Tables>): ServiceImpl<typeof ServerService> => ({
  getServer: async (request, context) => {
    const row = await database.tenant(callerOf(context).orgId, (tx) => findServer(tx, request.serverId));
    if (row === undefined) throw new NotFoundProblem('server', request.serverId);
    return { server: serverMessage(row) };
  },

  listServers: async (request, context) => {
    const page = pageOf(request.page);
    const rows = await database.tenant(callerOf(context).orgId, (tx) => listServers(tx, request.clusterId, page));
    const cut = page.cut(rows, (row) => row.name);
    return { servers: cut.rows.map(serverMessage), page: { next: cut.next } };
  },
});

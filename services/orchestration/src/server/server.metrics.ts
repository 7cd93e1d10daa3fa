import type { ServiceImpl } from '@connectrpc/connect';
import { MetricReadService } from '@truffle/api/agent/v1/metric_read_service';
import type { ServerMetricService } from '@truffle/api/orchestration/v1/server_metric_service';
import { callerOf, NotFoundProblem, onBehalfOf } from '@truffle/kit';
import type { ClusterDeps } from '../cluster/cluster.usecases.ts';
import { findServer } from './server.repo.ts';

/** What a server used, as the agent of its own site measured it. */
export const serverMetricRpc = (
  deps: Pick<ClusterDeps, 'database' | 'peers'>,
): ServiceImpl<typeof ServerMetricService> => ({
  listServerMetrics: async ({ serverId, startTime, endTime, page }, context) => {
    const caller = callerOf(context);
    const server = await deps.database.tenant(caller.orgId, (tx) => findServer(tx, serverId));
    if (server === undefined) throw new NotFoundProblem('server', serverId);
    const about = { agentId: server.agent_id, resourceId: server.id };
    const range = {
      ...(startTime === undefined ? {} : { startTime }),
      ...(endTime === undefined ? {} : { endTime }),
      ...(page === undefined ? {} : { page }),
    };
    const found = await deps.peers
      .client('agent-gateway', MetricReadService, onBehalfOf(caller))
      .readMetrics({ ...about, ...range });
    return { samples: found.samples, gaps: found.gaps, page: { next: found.page?.next ?? '' } };
  },
});

import type { ServiceImpl } from '@connectrpc/connect';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { HealthState } from '@truffle/api/orchestration/v1/cluster';
import type { NoteServerHealthRequest, ServerHealthService } from '@truffle/api/orchestration/v1/server_health_service';
import { appendEvent, type Database } from '@truffle/database';
import { callerOf } from '@truffle/kit';
import type { Tables } from '../cluster/cluster.table.ts';
import type { Health, ServerState } from './server.table.ts';

/** States in which a server has no health: its deployments are not done, or it is going. */
const settled: readonly ServerState[] = ['READY'];

const healths: Readonly<Partial<Record<HealthState, Health>>> = {
  [HealthState.HEALTHY]: 'HEALTHY',
  [HealthState.REMEDIED]: 'REMEDIED',
  [HealthState.UNHEALTHY]: 'UNHEALTHY',
};

/**
 * Notes what an agent says of a server of its own. What is not newer than what is known changes nothing, as the agent says it until it hears
 * that it was noted; nor does what is of a server that is being worked on or gone.
 */
export async function noteServerHealth(
  database: Pick<Database<Tables>, 'tenant'>,
  orgId: string,
  requestId: string,
  { serverId, agentId, health: said, detail, time }: NoteServerHealthRequest,
): Promise<void> {
  const health = healths[said];
  if (health === undefined || time === undefined) return;
  const at = timestampDate(time);
  await database.tenant(orgId, async (tx) => {
    const server = await tx
      .selectFrom('orchestration.server')
      .selectAll()
      .where('id', '=', serverId)
      .where('agent_id', '=', agentId)
      .forUpdate()
      .executeTakeFirst();
    if (server === undefined || !settled.includes(server.state)) return;
    if (server.health_at !== null && server.health_at >= at) return;
    await tx
      .updateTable('orchestration.server')
      .set({ health, health_detail: detail, health_at: at })
      .where('id', '=', serverId)
      .execute();
    await appendEvent(
      tx,
      { subject: `agent:${agentId}`, requestId },
      {
        orgId,
        projectId: server.project_id,
        name: eventOf[health],
        resourceId: serverId,
        data: {
          clusterId: server.cluster_id,
          before: { health: server.health ?? '', detail: server.health_detail },
          after: { health, detail, name: server.name, time: at.toISOString() },
        },
      },
    );
  });
}

const eventOf: Readonly<Record<Health, string>> = {
  HEALTHY: 'server.healthy',
  REMEDIED: 'server.remedied',
  UNHEALTHY: 'server.unhealthy',
};

export const serverHealthRpc = (database: Database<Tables>): ServiceImpl<typeof ServerHealthService> => ({
  noteServerHealth: async (request, context) => {
    const { orgId, requestId } = callerOf(context);
    await noteServerHealth(database, orgId, requestId, request);
    return {};
  },
});

import { ClusterState, ServerState } from '@truffle/api/orchestration/v1/cluster';
import type { Handler } from '../command.ts';
import { watchChanges } from '../event/event.changes.ts';
import { findCluster, listServers } from '../lookup/find.ts';
import { printable } from '../output/printable.ts';
import { clock, stateName } from '../output/text.ts';
import { clusterView } from './cluster.view.ts';

/** `truffle cluster watch`: a line (or a document) for each change of the cluster or one of its servers. */
export const watch: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const { id, projectId } = await findCluster(session, name);
  let seen = '';
  const servers = new Map<string, string>();
  const look = async (): Promise<void> => {
    const cluster = await findCluster(session, id);
    const text = `${printable(cluster.name)}  ${stateName(ClusterState, cluster.state)}, ${cluster.readyCount} of ${cluster.serverCount} servers ready`;
    const changed = text !== seen;
    seen = text;
    if (changed) await cli.out.item(clusterView, cluster, `${clock(cli.now())}  ${text}`);
    if (cli.out.format !== 'table') return;
    for (const server of await listServers(session, id)) {
      const line = `${printable(server.name)}  ${stateName(ServerState, server.state)}${server.address === '' ? '' : `, ${printable(server.address)}`}`;
      if (servers.get(server.id) === line) continue;
      servers.set(server.id, line);
      await cli.out.item(clusterView, cluster, `${clock(cli.now())}  ${line}`);
    }
  };
  await watchChanges(cli, session, (event) => event.projectId === projectId, look);
};

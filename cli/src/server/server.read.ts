import type { Handler } from '../command.ts';
import { findCluster, findServer, listClusters, listServers } from '../lookup/find.ts';
import { serverView } from './server.view.ts';

export const list: Handler = async (cli, [cluster]) => {
  const session = await cli.session();
  const clusters = cluster === undefined ? await listClusters(session) : [await findCluster(session, cluster)];
  const servers = await Promise.all(clusters.map((each) => listServers(session, each.id)));
  await cli.out.list(serverView, servers.flat());
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(serverView, await findServer(await cli.session(), name));
};

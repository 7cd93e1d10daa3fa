import type { Handler } from '../command.ts';
import { findCluster, findServer, listProjectServers, listServers } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import { serverView } from './server.view.ts';

export const list: Handler<SortFlags> = async (cli, [cluster], { sort }) => {
  const session = await cli.session();
  const servers =
    cluster === undefined
      ? await listProjectServers(session, sort)
      : await listServers(session, (await findCluster(session, cluster)).id, sort);
  await cli.out.list(serverView, servers);
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(serverView, await findServer(await cli.session(), name));
};

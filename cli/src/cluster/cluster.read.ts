import type { Handler } from '../command.ts';
import { findCluster, listClusters } from '../lookup/find.ts';
import { clusterView } from './cluster.view.ts';

export const list: Handler<{ readonly all?: boolean }> = async (cli, _, { all = false }) => {
  const found = await listClusters(await cli.session(), { showDeleted: all });
  await cli.out.list(clusterView, found);
  if (found.length === 0)
    cli.notes.say('no clusters yet; make one: truffle cluster create NAME --template TEMPLATE --wait');
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(clusterView, await findCluster(await cli.session(), name));
};

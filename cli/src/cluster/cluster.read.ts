import type { Handler } from '../command.ts';
import { findCluster, listClusters } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import { clusterView } from './cluster.view.ts';

export const list: Handler<SortFlags & { readonly all?: boolean }> = async (cli, _, { all = false, sort = '' }) => {
  const found = await listClusters(await cli.session(), { showDeleted: all, orderBy: sort });
  await cli.out.list(clusterView, found);
  if (found.length === 0)
    cli.notes.say('no clusters yet; make one: truffle cluster create NAME --template TEMPLATE --wait');
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(clusterView, await findCluster(await cli.session(), name));
};

import type { Handler } from '../command.ts';
import { findCluster, present } from '../lookup/find.ts';
import { settleOperation } from '../operation/operation.settle.ts';
import type { WaitFlags } from '../operation/wait.options.ts';
import { demandName } from '../prompt/prompt.ts';

export const deleteCluster: Handler<WaitFlags & { readonly yes?: boolean }> = async (cli, [name = ''], options) => {
  const session = await cli.session();
  const cluster = await findCluster(session, name);
  await demandName(
    cli,
    `destroys the cluster ${cluster.name} with its ${cluster.serverCount} servers and their data`,
    cluster.name,
    options.yes === true,
  );
  const started = present((await session.api.clusters.deleteCluster({ clusterId: cluster.id })).operation);
  await settleOperation(cli, session, started, options);
};

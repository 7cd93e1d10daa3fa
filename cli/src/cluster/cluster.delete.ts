import { OperationState } from '@truffle/api/orchestration/v1/operation';
import type { Handler } from '../command.ts';
import { findCluster, present } from '../lookup/find.ts';
import { followOperation, OperationFailedError } from '../operation/operation.follow.ts';
import { operationView } from '../operation/operation.view.ts';
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
  if (options.wait !== true && options.watch !== true) {
    await cli.out.one(operationView, started);
    return cli.notes.say(`watch it: truffle operation watch ${started.id}`);
  }
  const ended = await followOperation(cli, session, started, { logs: options.watch === true });
  if (ended.state !== OperationState.SUCCEEDED) throw new OperationFailedError(ended);
  await cli.out.one(operationView, ended);
};

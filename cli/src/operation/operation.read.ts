import { OperationState } from '@truffle/api/orchestration/v1/operation';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import { findCluster, findLatestOperation, present } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import { followOperation, OperationFailedError } from './operation.follow.ts';
import { operationView } from './operation.view.ts';

const most = 500;

export const list: Handler<SortFlags & { readonly cluster?: string; readonly limit?: string }> = async (
  cli,
  _,
  { cluster, limit = '50', sort = '' },
) => {
  const size = Number(limit);
  if (!Number.isInteger(size) || size < 1 || size > most)
    throw new UsageError(`--limit ${limit} is none`, { next: [`give a number from 1 to ${most}`] });
  const session = await cli.session();
  const clusterId = cluster === undefined ? '' : (await findCluster(session, cluster)).id;
  const { operations } = await session.api.operations.listOperations({
    projectId: await session.projectId(),
    clusterId,
    orderBy: sort,
    page: { size, token: '' },
  });
  await cli.out.list(operationView, operations);
};

export const get: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const operationId = await findLatestOperation(session, name);
  await cli.out.one(operationView, present((await session.api.operations.getOperation({ operationId })).operation));
};

export const watch: Handler<{ readonly logs?: boolean }> = async (cli, [name = ''], { logs = false }) => {
  const session = await cli.session();
  const operationId = await findLatestOperation(session, name);
  const now = present((await session.api.operations.getOperation({ operationId })).operation);
  const machine = cli.out.format === 'json' || cli.out.format === 'yaml';
  const ended = await followOperation(cli, session, now, {
    logs,
    ...(machine ? { onState: (state) => cli.out.item(operationView, state, state.id) } : {}),
  });
  if (ended.state !== OperationState.SUCCEEDED) throw new OperationFailedError(ended);
  if (!machine) await cli.out.plain(undefined, `${ended.id} succeeded`, ended.id);
};

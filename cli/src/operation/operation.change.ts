import { randomUUID } from 'node:crypto';
import { OperationState, type Operation } from '@truffle/api/orchestration/v1/operation';
import type { Handler } from '../command.ts';
import { idempotencyHeader } from '../connection/connection.ts';
import type { Invocation } from '../invocation.ts';
import { findLatestOperation, present } from '../lookup/find.ts';
import { askYes } from '../prompt/prompt.ts';
import { CliError, exitCodes, UsageError } from '../failure/cli-error.ts';
import type { Session } from '../session.ts';
import { followOperation, OperationFailedError } from './operation.follow.ts';
import { operationView } from './operation.view.ts';
import type { WaitFlags } from './wait.options.ts';

const keyed = () => ({ headers: { [idempotencyHeader]: randomUUID() } });

export const cancel: Handler<WaitFlags> = async (cli, [name = ''], { wait = false }) => {
  const session = await cli.session();
  const operationId = await findLatestOperation(session, name);
  const asked = present((await session.api.operations.cancelOperation({ operationId })).operation);
  const ended = wait ? await followOperation(cli, session, asked) : asked;
  await cli.out.one(operationView, ended);
  if (wait && ended.state !== OperationState.CANCELLED)
    throw new CliError(exitCodes.conflict, 'NOT_CANCELLED', 'the operation had ended before it could be cancelled', {
      next: [`truffle operation get ${operationId}`],
    });
};

export const retry: Handler<WaitFlags> = async (cli, [name = ''], options) => {
  const session = await cli.session();
  const operationId = await findLatestOperation(session, name);
  await settle(
    cli,
    session,
    present((await session.api.operations.retryOperation({ operationId }, keyed())).operation),
    options,
  );
};

export const undo: Handler<WaitFlags & { readonly yes?: boolean }> = async (cli, [name = ''], options) => {
  const session = await cli.session();
  const operationId = await findLatestOperation(session, name);
  if (options.yes !== true && cli.interactive && !(await askYes(cli, 'Destroy what the operation has made?')))
    throw new UsageError('nothing was done', { next: ['repeat with --yes'] });
  await settle(
    cli,
    session,
    present((await session.api.operations.undoOperation({ operationId }, keyed())).operation),
    options,
  );
};

async function settle(
  cli: Invocation,
  session: Session,
  started: Operation,
  { wait = false, watch = false }: WaitFlags,
): Promise<void> {
  if (!wait && !watch) {
    await cli.out.one(operationView, started);
    return cli.notes.say(`watch it: truffle operation watch ${started.id}`);
  }
  const ended = await followOperation(cli, session, started, { logs: watch });
  if (ended.state !== OperationState.SUCCEEDED) throw new OperationFailedError(ended);
  await cli.out.one(operationView, ended);
}

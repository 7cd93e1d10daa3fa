import { OperationKind, OperationState } from '@truffle/api/orchestration/v1/operation';
import type { Handler } from '../command.ts';
import { keyed } from '../connection/connection.ts';
import { findLatestOperation, present } from '../lookup/find.ts';
import { askYes } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';
import { CliError, exitCodes, UsageError } from '../failure/cli-error.ts';
import { followOperation } from './operation.follow.ts';
import { settleOperation } from './operation.settle.ts';
import { operationView } from './operation.view.ts';
import type { WaitFlags } from './wait.options.ts';

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
  await settleOperation(
    cli,
    session,
    present((await session.api.operations.retryOperation({ operationId }, keyed())).operation),
    options,
  );
};

export const undo: Handler<WaitFlags & { readonly yes?: boolean }> = async (cli, [name = ''], options) => {
  const session = await cli.session();
  const operationId = await findLatestOperation(session, name);
  if (options.yes !== true && cli.interactive && !(await askYes(cli, await undoQuestion(session, operationId))))
    throw new UsageError('nothing was done', { next: ['repeat with --yes'] });
  await settleOperation(
    cli,
    session,
    present((await session.api.operations.undoOperation({ operationId }, keyed())).operation),
    options,
  );
};

async function undoQuestion(session: Session, operationId: string): Promise<string> {
  const { kind } = present((await session.api.operations.getOperation({ operationId })).operation);
  return kind === OperationKind.CREATE
    ? 'Destroy what the operation has made?'
    : 'Take back what the operation may have done to the server?';
}

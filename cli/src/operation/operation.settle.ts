import { OperationState, type Operation } from '@truffle/api/orchestration/v1/operation';
import type { Invocation } from '../invocation.ts';
import type { Session } from '../session.ts';
import { followOperation, OperationFailedError } from './operation.follow.ts';
import { operationView } from './operation.view.ts';
import type { WaitFlags } from './wait.options.ts';

/**
 * Prints an operation that was just started, or waits for its end and then prints `result`, the operation itself unless told.
 * @throws OperationFailedError, and as followOperation
 */
export async function settleOperation(
  cli: Invocation,
  session: Session,
  started: Operation,
  { wait = false, watch = false }: WaitFlags,
  result: (ended: Operation) => Promise<void> = (ended) => cli.out.one(operationView, ended),
): Promise<void> {
  if (!wait && !watch) {
    await cli.out.one(operationView, started);
    return cli.notes.say(`watch it: truffle operation watch ${started.id}`);
  }
  const ended = await followOperation(cli, session, started, { logs: watch });
  if (ended.state !== OperationState.SUCCEEDED) throw new OperationFailedError(ended);
  await result(ended);
}

import { OperationKind, OperationState, type Operation } from '@truffle/api/orchestration/v1/operation';
import { resumed } from '../connection/resume.ts';
import { CliError, exitCodes, InterruptedError, TimedOutError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { followLog, lineText } from '../log/log.follow.ts';
import type { Session } from '../session.ts';
import { openPane, type Pane } from './operation.pane.ts';
import { hasEnded } from './operation.view.ts';

export interface FollowOptions {
  /** Whether the log is shown too. */
  readonly logs?: boolean;
  /** Told of each state, before it is shown. */
  readonly onState?: (operation: Operation) => Promise<void>;
}

/** What can't be taken back. */
const lasting: ReadonlySet<OperationKind> = new Set([
  OperationKind.DELETE,
  OperationKind.ROLLBACK_SERVER,
  OperationKind.DELETE_SNAPSHOT,
]);

/** An operation failed or was cancelled. */
export class OperationFailedError extends CliError {
  override readonly name = 'OperationFailedError';
  constructor(operation: Operation) {
    const { failure, id, kind, state } = operation;
    const cancelled = state === OperationState.CANCELLED;
    const next = [
      ...(failure?.remedy ? [failure.remedy] : []),
      `truffle operation retry ${id} --wait`,
      ...(lasting.has(kind) ? [] : [`truffle operation undo ${id} --wait`]),
      `truffle logs ${id}`,
    ];
    super(
      exitCodes.failure,
      failure?.reason || (cancelled ? 'CANCELLED' : 'OPERATION_FAILED'),
      failure?.message || `the operation ${id} ${cancelled ? 'was cancelled' : 'failed'}`,
      {
        details: [
          ...(failure?.reason ? [`reason: ${failure.reason}`] : []),
          ...(failure?.cause ? [`cause:  ${failure.cause}`] : []),
          ...(failure === undefined || failure.logTail.length === 0
            ? []
            : ['log:', ...failure.logTail.map((line) => `  ${line}`)]),
        ],
        next,
      },
    );
  }
}

/**
 * Follows an operation to its end and shows it meanwhile; a dropped connection is taken up again.
 * @throws InterruptedError at Ctrl-C and TimedOutError, both saying how to go on; the operation itself goes on
 */
export async function followOperation(
  cli: Invocation,
  session: Session,
  first: Operation,
  options: FollowOptions = {},
): Promise<Operation> {
  const pane = openPane(cli);
  const watching = new AbortController();
  const signal = AbortSignal.any([cli.signal, watching.signal]);
  let latest = first;
  const log = options.logs === true ? showLog(cli, session, first.id, pane, signal) : Promise.resolve();
  // Awaited at the end; until then it must not count as unhandled.
  log.catch(() => undefined);
  try {
    if (first.steps.length > 0) pane.show(first);
    for await (const operation of states(cli, session, first.id, pane)) {
      latest = operation;
      await options.onState?.(operation);
      pane.show(operation);
      if (hasEnded(operation)) break;
    }
    await log;
  } catch (error) {
    throw detached(error, cli, first.id);
  } finally {
    watching.abort();
    pane.close();
  }
  return latest;
}

async function* states(cli: Invocation, session: Session, operationId: string, pane: Pane): AsyncGenerator<Operation> {
  let afterRevision = 0n;
  let ended = false;
  const open = (signal: AbortSignal) =>
    session.api.operations.watchOperation({ operationId, afterRevision }, { signal });
  const onDrop = (attempt: number): void => {
    if (attempt === 1) pane.print('connection lost; trying again');
  };
  for await (const { operation } of resumed(open, () => ended, { ...cli, onDrop })) {
    if (operation === undefined) continue;
    afterRevision = operation.revision;
    ended = hasEnded(operation);
    yield operation;
  }
}

async function showLog(
  cli: Invocation,
  session: Session,
  operationId: string,
  pane: Pane,
  signal: AbortSignal,
): Promise<void> {
  for await (const line of followLog({ ...cli, signal }, session, operationId, ''))
    pane.print(lineText(line, cli.notes.colors));
}

/** Leaving is no failure of the operation: say how to come back. */
function detached(error: unknown, cli: Invocation, operationId: string): unknown {
  const next = [`truffle operation watch ${operationId}`, `truffle operation cancel ${operationId}`];
  if (!cli.signal.aborted) return error;
  return cli.signal.reason instanceof TimedOutError
    ? new TimedOutError(`${cli.signal.reason.message}; the operation goes on`, next)
    : new InterruptedError('detached; the operation goes on', next);
}

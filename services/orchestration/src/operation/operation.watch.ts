import { equals } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { CommandService, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import { OperationSchema, type Operation } from '@truffle/api/orchestration/v1/operation';
import type { Database } from '@truffle/database';
import { bells, NotFoundProblem, onBehalfOf, type Bell, type Caller, type Peers } from '@truffle/kit';
import type { Tables } from '../cluster/cluster.table.ts';
import { operationMessage } from './operation.codec.ts';
import { findOperation, stepsOf } from './operation.repo.ts';

export interface WatchDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  readonly bell: Bell;
}

/** Milliseconds between two looks while bells ring, and the longest time without one. */
const apart = 100;
const sweep = 2_000;
/** A sign of life is sent at least this often. */
const aliveEvery = 15_000;

/** The operation as it stands, with what the agent says of the steps at work. */
export async function readOperation(deps: WatchDeps, caller: Caller, id: string): Promise<Operation> {
  const { row, steps } = await deps.database.tenant(caller.orgId, async (tx) => ({
    row: await findOperation(tx, id),
    steps: await stepsOf(tx, id),
  }));
  if (row === undefined) throw new NotFoundProblem('operation', id);
  const open = steps.filter((s) => s.state === 'WAITING' || s.state === 'RUNNING').flatMap((s) => s.command_id ?? []);
  const live = open.length === 0 ? [] : await liveCommands(deps, caller, open.slice(0, 500));
  return operationMessage(row, steps, new Map(live.map((command) => [command.id, command])));
}

/** How commands stand at the gateway; none when no gateway answers: the operation's own rows say enough. */
async function liveCommands(deps: WatchDeps, caller: Caller, commandIds: string[]): Promise<CommandStatus[]> {
  try {
    const gateway = deps.peers.client('agent-gateway', CommandService, onBehalfOf(caller));
    return (await gateway.getCommands({ commandIds }, { timeoutMs: 3_000 })).commands;
  } catch (error) {
    const { code } = ConnectError.from(error);
    if (code === Code.Unavailable || code === Code.DeadlineExceeded) return [];
    throw error;
  }
}

/** The operation whenever it changes, until it has ended; undefined as a sign of life. */
export async function* watchOperation(
  deps: WatchDeps,
  caller: Caller,
  id: string,
  afterRevision: bigint,
  signal: AbortSignal,
): AsyncGenerator<Operation | undefined> {
  let sent: Operation | undefined;
  let alive = Date.now();
  for await (const _ of rings(deps.bell, bells.operation(id), signal)) {
    const now = await readOperation(deps, caller, id);
    const isNew =
      sent === undefined ? now.revision > afterRevision || !ended(now) : !equals(OperationSchema, sent, now);
    if (isNew) {
      sent = now;
      alive = Date.now();
      yield now;
    } else if (Date.now() - alive >= aliveEvery) {
      alive = Date.now();
      yield undefined;
    }
    if (ended(now)) return;
  }
}

export const ended = (operation: Operation): boolean => operation.endedAt !== undefined;

/** Yields at once, then whenever `subject` rings (rings close together are one), and every 2 s in case a ring was lost. */
export async function* rings(bell: Bell, subject: string, signal: AbortSignal): AsyncGenerator<void> {
  let rung = true;
  let wake: (() => void) | undefined;
  const heard = () => {
    rung = true;
    wake?.();
  };
  const stop = bell.listen(subject, heard);
  signal.addEventListener('abort', heard);
  try {
    while (!signal.aborted) {
      rung = false;
      yield;
      if (signal.aborted) return;
      await pause(apart);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, rung || signal.aborted ? 0 : sweep);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = undefined;
    }
  } finally {
    stop();
    signal.removeEventListener('abort', heard);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

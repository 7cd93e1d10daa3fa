import { appendEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, PreconditionProblem, actorOf, type Caller } from '@truffle/kit';
import type { ClusterRow } from '../cluster/cluster.repo.ts';
import type { Tables } from '../cluster/cluster.table.ts';
import { findOpenOperation, findOperation, insertOperation, stepsOf, type OperationView } from './operation.repo.ts';
import type { NewStep } from './operation.steps.ts';
import type { OperationKind } from './operation.table.ts';

/** Starts the workflow of a committed operation, best effort. */
export type OperationStart = (operation: {
  readonly org_id: string;
  readonly id: string;
  readonly cluster_id: string;
}) => void;

export interface Opening {
  readonly kind: OperationKind;
  readonly steps: readonly NewStep[];
  /** The operation that this one goes on from; what it has done counts as done. */
  readonly follows: string | undefined;
}

/** @throws PreconditionProblem OPERATION_IN_PROGRESS with the id of the one at work: a cluster has one writer */
export async function requireIdle(tx: Transaction<Tables>, cluster: ClusterRow): Promise<void> {
  const open = await findOpenOperation(tx, cluster.id);
  if (open !== undefined)
    throw new PreconditionProblem(
      'OPERATION_IN_PROGRESS',
      `the operation ${open.id} is at work on the cluster ${cluster.name}; watch it or cancel it first`,
      { operationId: open.id },
    );
}

/**
 * Stores an operation with its steps, in the transaction that decides on it; the cluster's row must be locked.
 * @throws PreconditionProblem as `requireIdle`
 */
export async function openOperation(
  tx: Transaction<Tables>,
  caller: Caller,
  cluster: ClusterRow,
  opening: Opening,
): Promise<OperationView> {
  await requireIdle(tx, cluster);
  const done =
    opening.follows === undefined
      ? []
      : (await stepsOf(tx, opening.follows)).filter((s) => s.state === 'SUCCEEDED').map((s) => s.key);
  const id = newId('op');
  await insertOperation(
    tx,
    {
      org_id: cluster.org_id,
      id,
      project_id: cluster.project_id,
      cluster_id: cluster.id,
      kind: opening.kind,
      state: 'PENDING',
      follows_operation_id: opening.follows ?? null,
      initiator: actorOf(caller),
      // The name that the call carries is that of whom somebody acts as.
      initiator_name: caller.acting === undefined ? (caller.displayName ?? null) : null,
      request_id: caller.requestId,
      traceparent: caller.traceparent,
    },
    opening.steps,
    new Set(done),
  );
  await appendEvent(tx, authorOf(caller), {
    orgId: cluster.org_id,
    name: 'operation.started',
    resourceId: id,
    projectId: cluster.project_id,
    data: { clusterId: cluster.id, kind: opening.kind, follows: opening.follows ?? '' },
  });
  const operation = await findOperation(tx, id);
  if (operation === undefined) throw new TypeError('a row that was just inserted is there');
  return operation;
}

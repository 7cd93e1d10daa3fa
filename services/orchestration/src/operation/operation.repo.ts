import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import type { ListView } from '@truffle/kit';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { Tables } from '../cluster/cluster.table.ts';
import type { StoredFailure } from '../cluster/cluster.table.ts';
import type { NewStep } from './operation.steps.ts';
import type { OperationKind, OperationState, OperationTable, StepState, StepTable } from './operation.table.ts';

export type OperationRow = Selectable<OperationTable>;
export type OperationView = OperationRow & { readonly cluster_name: string };
export type StepRow = Selectable<StepTable>;
export type StepView = StepRow & { readonly server_name: string | null };

type Tx = Transaction<Tables>;

const view = (tx: Tx) =>
  tx
    .selectFrom('orchestration.operation as o')
    .innerJoin('orchestration.cluster as c', (join) =>
      join.onRef('c.org_id', '=', 'o.org_id').onRef('c.id', '=', 'o.cluster_id'),
    )
    .selectAll('o')
    .select('c.name as cluster_name');

export const findOperation = (tx: Tx, id: string): Promise<OperationView | undefined> =>
  view(tx).where('o.id', '=', id).executeTakeFirst();

const ofKind = (tx: Tx, clusterId: string, kind: OperationKind) =>
  view(tx).where('o.cluster_id', '=', clusterId).where('o.kind', '=', kind).limit(1);

/** The operation that made a cluster. */
export const findCreation = (tx: Tx, clusterId: string): Promise<OperationView | undefined> =>
  ofKind(tx, clusterId, 'CREATE').orderBy('o.id').executeTakeFirst();

/** The operation that destroys a cluster, or did, last. */
export const findDeletion = (tx: Tx, clusterId: string): Promise<OperationView | undefined> =>
  ofKind(tx, clusterId, 'DELETE').orderBy('o.id', 'desc').executeTakeFirst();

/** Locks the row: one process at a time moves an operation on. */
export const lockOperation = (tx: Tx, id: string): Promise<OperationRow | undefined> =>
  tx.selectFrom('orchestration.operation').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();

export const findOpenOperation = (tx: Tx, clusterId: string): Promise<OperationRow | undefined> =>
  tx
    .selectFrom('orchestration.operation')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .where('state', 'in', ['PENDING', 'RUNNING'])
    .executeTakeFirst();

/** What a project's operations can be ordered by. Ids sort by the time of their making. */
export const operationOrdering: Ordering = {
  tie: 'o.id',
  by: {
    created_at: { sql: 'o.id', type: 'text', unique: true },
    kind: { sql: 'o.kind', type: 'text' },
    state: { sql: 'o.state', type: 'text' },
  },
};

/** Of clusters (and operations) that may be seen. */
export function listOperations(
  tx: Tx,
  { projectId, clusterId, seen }: { readonly projectId: string; readonly clusterId: string; readonly seen: ListView },
  page: OrderedPage,
): Promise<(OperationView & OrderKey)[]> {
  let query = page.of(view(tx)).where('o.project_id', '=', projectId);
  const { everything, only, except } = seen;
  if (!everything) {
    const ids = ['', ...only];
    query = query.where((eb) => eb.or([eb('o.cluster_id', 'in', ids), eb('o.id', 'in', ids)]));
  }
  if (except.length > 0)
    query = query.where('o.cluster_id', 'not in', [...except]).where('o.id', 'not in', [...except]);
  if (clusterId !== '') query = query.where('o.cluster_id', '=', clusterId);
  return query.execute();
}

export const stepsOf = (tx: Tx, operationId: string): Promise<StepView[]> =>
  tx
    .selectFrom('orchestration.step as t')
    .leftJoin('orchestration.server as s', (join) =>
      join.onRef('s.org_id', '=', 't.org_id').onRef('s.id', '=', 't.server_id'),
    )
    .selectAll('t')
    .select('s.name as server_name')
    .where('t.operation_id', '=', operationId)
    .orderBy('t.stage')
    .orderBy('t.position')
    .execute();

/** Id of the newest operation that changes a server; undefined when there was none. */
export async function findLatestChange(tx: Tx, serverId: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom('orchestration.step')
    .select('operation_id')
    .where('server_id', '=', serverId)
    .where('action', '=', 'change')
    .orderBy('operation_id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.operation_id;
}

/** Stores an operation with its steps; those whose keys are in `done` count as done by the operation that it follows. */
export async function insertOperation(
  tx: Tx,
  row: Insertable<OperationTable>,
  steps: readonly NewStep[],
  done: ReadonlySet<string>,
): Promise<void> {
  await tx.insertInto('orchestration.operation').values(row).execute();
  await tx
    .insertInto('orchestration.step')
    .values(
      steps.map((step) => ({
        org_id: row.org_id,
        operation_id: row.id,
        key: step.key,
        stage: step.stage,
        position: step.position,
        action: step.action,
        title: step.title,
        server_id: step.serverId,
        deployment: step.deployment,
        intent: step.intent === undefined || step.intent === null ? null : JSON.stringify(step.intent),
        state: done.has(step.key) ? ('SUCCEEDED' as const) : ('PENDING' as const),
      })),
    )
    .execute();
}

export interface StepChange {
  readonly key: string;
  readonly state: StepState;
  readonly detail?: string;
  readonly commandId?: string | undefined;
  readonly fence?: string | undefined;
  readonly failure?: StoredFailure | undefined;
}

/** Applies changes to many steps in one statement; times are set where a step begins or ends. */
export async function updateSteps(tx: Tx, operationId: string, changes: readonly StepChange[]): Promise<void> {
  if (changes.length === 0) return;
  const rows = JSON.stringify(
    changes.map((c) => ({
      key: c.key,
      state: c.state,
      detail: c.detail ?? null,
      command_id: c.commandId ?? null,
      fence: c.fence ?? null,
      failure: c.failure ?? null,
    })),
  );
  await sql`
    update orchestration.step t set
      state = c.state, detail = coalesce(c.detail, t.detail), command_id = coalesce(c.command_id, t.command_id), fence = coalesce(c.fence, t.fence),
      failure = coalesce(c.failure, t.failure),
      started_at = case when c.state in ('RUNNING', 'SUCCEEDED', 'FAILED') then coalesce(t.started_at, now()) else t.started_at end,
      ended_at = case when c.state in ('SUCCEEDED', 'FAILED', 'SKIPPED') then now() else null end
    from jsonb_to_recordset(${rows}::jsonb) as c(key text, state text, detail text, command_id text, fence bigint, failure jsonb)
    where t.operation_id = ${operationId} and t.key = c.key`.execute(tx);
}

export async function updateOperation(
  tx: Tx,
  id: string,
  change: {
    readonly state?: OperationState;
    readonly cancelRequested?: boolean;
    readonly failure?: StoredFailure | undefined;
    readonly ended?: boolean;
  },
): Promise<void> {
  await tx
    .updateTable('orchestration.operation')
    .set({
      ...(change.state === undefined ? {} : { state: change.state }),
      ...(change.cancelRequested === undefined ? {} : { cancel_requested: change.cancelRequested }),
      ...(change.failure === undefined ? {} : { failure: JSON.stringify(change.failure) }),
      ...(change.ended === true ? { ended_at: sql<Date>`now()` } : {}),
      revision: sql`revision + 1`,
      updated_at: sql`now()`,
    })
    .where('id', '=', id)
    .execute();
}

/** Open operations that have not moved for `idleSeconds`, across tenants, a page at a time: for the sweep that starts workflows anew. */
export async function findIdleOperations(
  tx: Tx,
  idleSeconds: number,
  after: string,
  limit: number,
): Promise<{ org_id: string; id: string; cluster_id: string }[]> {
  return tx
    .selectFrom('orchestration.operation')
    .select(['org_id', 'id', 'cluster_id'])
    .where('state', 'in', ['PENDING', 'RUNNING'])
    .where('updated_at', '<', sql<Date>`now() - make_interval(secs => ${idleSeconds})`)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
}

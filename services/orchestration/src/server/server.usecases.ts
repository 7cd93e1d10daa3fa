import type { Transaction } from '@truffle/database';
import { InvalidProblem, NotFoundProblem, PreconditionProblem, StaleRevisionProblem, type Caller } from '@truffle/kit';
import { lockCluster, updateCluster, type ClusterRow } from '../cluster/cluster.repo.ts';
import type { ClusterDeps } from '../cluster/cluster.usecases.ts';
import type { Tables } from '../cluster/cluster.table.ts';
import { changeOf, snapshotNameOf } from '../operation/operation.commands.ts';
import { openOperation, requireIdle } from '../operation/operation.open.ts';
import { findLatestChange, stepsOf, type OperationRow, type OperationView } from '../operation/operation.repo.ts';
import { changeStep } from '../operation/operation.steps.ts';
import { readSite } from '../plan/plan.usecases.ts';
import { snapshotsOf } from '../snapshot/snapshot.repo.ts';
import { inverseOf, isOrdered, refusalOf, wordsOf, type IntendedServer, type ServerIntent } from './server.intent.ts';
import { findServer, type ServerRow } from './server.repo.ts';
import { siteRefusals } from './server.site.ts';

type Tx = Transaction<Tables>;

/**
 * Stores the operation that does `intent` on a server, and starts it.
 * @param revision the server's, last seen; 0 for any
 * @throws NotFoundProblem, StaleRevisionProblem, InvalidProblem; PreconditionProblem for what stands in the way
 */
export async function changeServer(
  deps: ClusterDeps,
  caller: Caller,
  serverId: string,
  revision: bigint,
  intent: ServerIntent,
): Promise<OperationView> {
  const seen = await deps.database.tenant(caller.orgId, (tx) => findServer(tx, serverId));
  if (seen === undefined) throw new NotFoundProblem('server', serverId);
  requireRevision(seen, revision);
  requireSense(intent);
  const asksSite = intent.kind === 'RESIZE_SERVER' || intent.kind === 'MIGRATE_SERVER';
  const site = asksSite ? await readSite(deps, caller, seen.agent_id) : undefined;
  const operation = await deps.database.tenant(caller.orgId, async (tx) => {
    const cluster = await lockedCluster(tx, seen.cluster_id);
    const server = await presentServer(tx, serverId);
    requireRevision(server, revision);
    await requireIdle(tx, cluster);
    const [refusal] = site === undefined ? [] : siteRefusals(intent, intended(server), site);
    if (refusal !== undefined)
      throw new PreconditionProblem(refusal.reason, `${refusal.message}; ${refusal.remedy}`, refusal.parameters);
    if ('snapshot' in intent && !(await snapshotsOf(tx, serverId)).some((each) => each.name === intent.snapshot))
      throw new NotFoundProblem('snapshot', intent.snapshot);
    return openChange(tx, caller, cluster, server, intent, undefined);
  });
  deps.start(operation);
  return operation;
}

/**
 * Asks anew for what a change that failed or was cancelled asked for.
 * @throws PreconditionProblem OPERATION_OUTDATED when the server was changed since
 */
export async function retryChange(tx: Tx, caller: Caller, row: OperationRow, cluster: ClusterRow) {
  const { server, intent } = await changed(tx, row);
  await requireLatest(tx, row, server, intent);
  return openChange(tx, caller, cluster, server, intent, row.id);
}

/**
 * Takes back what a change that failed or was cancelled may have done.
 * @throws PreconditionProblem NOT_UNDOABLE, or OPERATION_OUTDATED when the server was changed since
 */
export async function undoChange(tx: Tx, caller: Caller, row: OperationRow, cluster: ClusterRow) {
  const { server, intent, stepKey } = await changed(tx, row);
  await requireLatest(tx, row, server, intent);
  const inverse = inverseOf(intent, intended(server), snapshotNameOf(cluster.id, row.id, stepKey));
  if (inverse === undefined)
    throw new PreconditionProblem(
      'NOT_UNDOABLE',
      `“${wordsOf[intent.kind].title}” can't be undone: what it overwrote is gone; retry it instead`,
    );
  return openChange(tx, caller, cluster, server, inverse, row.id);
}

/** The operation that does `intent`, committed with its step; the cluster stays in the state that it is in. */
async function openChange(
  tx: Tx,
  caller: Caller,
  cluster: ClusterRow,
  server: ServerRow,
  intent: ServerIntent,
  follows: string | undefined,
): Promise<OperationView> {
  const snapshots = await snapshotsOf(tx, server.id);
  const known = snapshots.map((each) => ({ name: each.name, includeMemory: each.include_memory }));
  const refusal = refusalOf(intent, intended(server), known);
  if (refusal !== undefined) throw new PreconditionProblem(refusal.reason, refusal.message, { serverId: server.id });
  const steps = [changeStep(server, intent)];
  const operation = await openOperation(tx, caller, cluster, { kind: intent.kind, steps, follows });
  await updateCluster(tx, cluster.id, { operation_id: operation.id });
  return operation;
}

async function changed(tx: Tx, row: OperationRow) {
  const step = (await stepsOf(tx, row.id)).find((each) => each.action === 'change');
  if (step === undefined) throw new TypeError(`the operation ${row.id} changes no server`);
  return { server: await presentServer(tx, step.server_id ?? ''), intent: changeOf(step), stepKey: step.key };
}

async function requireLatest(tx: Tx, row: OperationRow, server: ServerRow, intent: ServerIntent): Promise<void> {
  const latest = isOrdered(intent) ? await findLatestChange(tx, server.id) : row.id;
  if (latest === undefined || latest === row.id) return;
  throw new PreconditionProblem(
    'OPERATION_OUTDATED',
    `the server ${server.name} was changed since, by the operation ${latest}; ask for what you want of it now`,
    { operationId: latest },
  );
}

async function lockedCluster(tx: Tx, id: string): Promise<ClusterRow> {
  const cluster = await lockCluster(tx, id);
  if (cluster === undefined) throw new NotFoundProblem('cluster', id);
  return cluster;
}

async function presentServer(tx: Tx, id: string): Promise<ServerRow> {
  const server = await findServer(tx, id);
  if (server === undefined) throw new NotFoundProblem('server', id);
  return server;
}

function requireRevision(server: ServerRow, revision: bigint): void {
  if (revision !== 0n && revision !== BigInt(server.revision))
    throw new StaleRevisionProblem('server', server.id, revision, BigInt(server.revision));
}

function requireSense(intent: ServerIntent): void {
  if (intent.kind !== 'RESIZE_SERVER' || intent.cpu > 0 || intent.memoryBytes > 0 || intent.diskBytes > 0) return;
  throw new InvalidProblem([{ field: 'cpu', description: 'or memory_bytes or disk_bytes must be given' }]);
}

const intended = (row: ServerRow): IntendedServer => ({
  name: row.name,
  state: row.state,
  vmid: row.vmid,
  node: row.node,
  power: row.power,
  cpu: row.cpu,
  memoryBytes: Number(row.memory_bytes),
  diskBytes: Number(row.disk_bytes),
});

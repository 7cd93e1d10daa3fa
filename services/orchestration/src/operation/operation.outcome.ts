import { CommandService } from '@truffle/api/agent/v1/command_service';
import { QuotaService } from '@truffle/api/billing/v1/plan_service';
import { appendEvent } from '@truffle/database';
import { updateCluster } from '../cluster/cluster.repo.ts';
import type { StoredFailure } from '../cluster/cluster.table.ts';
import { storedFailure } from '../failure.ts';
import { leaseVmids, releaseVmids } from '../server/server.lease.repo.ts';
import { updateServers } from '../server/server.repo.ts';
import { deleteSnapshots } from '../snapshot/snapshot.repo.ts';
import { viewOf } from './operation.commands.ts';
import { updateOperation } from './operation.repo.ts';
import { aboutOf, authorOfOperation, type Work, type WorkDeps } from './operation.work.ts';

/** The step `reserve`: leases a VMID for every server out of what the site offers now. */
export async function reserveVmids(deps: WorkDeps, work: Work): Promise<StoredFailure | undefined> {
  const { agent } = await deps.peers
    .client('agent-gateway', CommandService, aboutOf(work.operation))
    .getSite({ agentId: work.cluster.agent_id });
  const range = { first: agent?.inventory?.vmidFirst ?? 0, last: agent?.inventory?.vmidLast ?? -1 };
  const missing = await leaseVmids(
    work.tx,
    work.cluster.agent_id,
    range,
    work.servers.map((s) => s.id),
  );
  if (missing === 0) return undefined;
  return storedFailure({
    reason: 'VMID_RANGE_EXHAUSTED',
    message: `${missing} VM numbers are missing`,
    cause: `the site offers ${range.first} to ${range.last}, and those are taken`,
    remedy: "widen the range in the site's configuration, then retry",
  });
}

/** The step `finish`: what a creation leaves (outputs), or what a deletion gives back (VMIDs, quota). */
export async function finishCluster(deps: WorkDeps, work: Work): Promise<StoredFailure | undefined> {
  if (work.operation.kind === 'DELETE') {
    const serverIds = work.servers.map((s) => s.id);
    await releaseVmids(work.tx, serverIds);
    await deleteSnapshots(work.tx, serverIds);
    await updateServers(
      work.tx,
      work.servers.filter((s) => s.state !== 'DELETED').map((s) => ({ id: s.id, state: 'DELETED' })),
    );
    const { org_id: orgId, quota_holder: holder } = work.cluster;
    await deps.peers
      .client('billing', QuotaService, aboutOf(work.operation))
      .releaseQuota({ orgId, quota: 'clusters', holder });
    return undefined;
  }
  const result = await deps.sandbox.evaluateOutputs(work.cluster.template, {
    cluster: { name: work.cluster.name, id: work.cluster.id },
    params: work.cluster.parameters,
    servers: work.servers.map(viewOf),
  });
  if (!result.ok)
    return storedFailure({
      reason: result.problems[0]?.code ?? 'OUTPUTS',
      message: `outputs: ${result.problems.map((p) => p.message).join('; ')}`,
      retryable: false,
    });
  const outputs = Object.fromEntries(result.outputs.map((o) => [o.name, o.value ?? '(kept on the site)']));
  await updateCluster(work.tx, work.cluster.id, { outputs: JSON.stringify(outputs) });
  return undefined;
}

/** Ends an operation and says what that makes of the cluster; a change to one server makes nothing else of it. */
export async function endOperation(work: Work, state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED'): Promise<void> {
  const { tx, operation, cluster } = work;
  const failure = state === 'SUCCEEDED' ? undefined : whyEnded(work, state);
  await updateOperation(tx, operation.id, { state, failure, ended: true });
  const author = authorOfOperation(operation);
  const about = { orgId: cluster.org_id, projectId: cluster.project_id };
  await appendEvent(tx, author, {
    ...about,
    name: `operation.${state.toLowerCase()}`,
    resourceId: operation.id,
    data: { clusterId: cluster.id, kind: operation.kind, reason: failure?.reason ?? '' },
  });
  if (operation.kind !== 'CREATE' && operation.kind !== 'DELETE')
    return updateCluster(tx, cluster.id, { operation_id: null });
  const clusterState = state !== 'SUCCEEDED' ? 'FAILED' : operation.kind === 'CREATE' ? 'READY' : 'DELETED';
  await updateCluster(tx, cluster.id, {
    state: clusterState,
    operation_id: null,
    failure: failure === undefined ? null : JSON.stringify(failure),
    ...(clusterState === 'DELETED' ? { deleted_at: new Date() } : {}),
  });
  await appendEvent(tx, author, {
    ...about,
    name: `cluster.${clusterState.toLowerCase()}`,
    resourceId: cluster.id,
    data: {
      operationId: operation.id,
      before: { state: cluster.state },
      after: { state: clusterState, name: cluster.name, reason: failure?.reason ?? '' },
    },
  });
}

function whyEnded(work: Work, state: 'FAILED' | 'CANCELLED'): StoredFailure {
  if (state === 'CANCELLED')
    return storedFailure({
      reason: 'CANCELLED',
      message: 'the operation was cancelled',
      remedy: `retry it (truffle operation retry ${work.operation.id}) or undo it (truffle operation undo ${work.operation.id})`,
    });
  const failed = work.steps.filter((s) => s.state === 'FAILED');
  const first = failed[0]?.failure;
  if (first === null || first === undefined)
    return storedFailure({ reason: 'STEP_FAILED', message: `${failed[0]?.title ?? 'a step'} failed` });
  return failed.length > 1 ? { ...first, message: `${first.message} (and ${failed.length - 1} more)` } : first;
}

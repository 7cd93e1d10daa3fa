import { CommandState, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import { AddressSource, type ServerObserved } from '@truffle/api/agent/v1/command';
import { appendEvent } from '@truffle/database';
import { storedFailure, storeFailure } from '../failure.ts';
import type { StoredFailure } from '../cluster/cluster.table.ts';
import type { ServerChange } from '../server/server.repo.ts';
import type { AddressSource as Source, ServerState } from '../server/server.table.ts';
import { changeOf } from './operation.commands.ts';
import type { StepChange, StepView } from './operation.repo.ts';
import { takeIn } from './operation.taken.ts';
import { authorOfOperation, type Work } from './operation.work.ts';

export interface News {
  readonly steps: readonly StepChange[];
  readonly servers: readonly ServerChange[];
}

/** What the commands' states mean for steps and servers; a server that became something new leaves an event. */
export async function settled(work: Work, statuses: ReadonlyMap<string, CommandStatus>): Promise<News> {
  const steps: StepChange[] = [];
  const servers: ServerChange[] = [];
  for (const step of work.steps) {
    const status = statuses.get(step.command_id ?? '');
    if (status === undefined) continue;
    const change = stepChange(step, status);
    if (change === undefined) continue;
    steps.push(change);
    const server = await serverChange(work, step, change, status);
    if (server !== undefined) servers.push(server);
  }
  for (const change of servers) await report(work, change);
  return { steps, servers };
}

function stepChange(step: StepView, status: CommandStatus): StepChange | undefined {
  switch (status.state) {
    case CommandState.SUCCEEDED:
      return { key: step.key, state: 'SUCCEEDED', detail: '' };
    case CommandState.CANCELLED:
      return { key: step.key, state: 'SKIPPED', detail: 'cancelled' };
    case CommandState.FAILED:
    case CommandState.REJECTED:
    case CommandState.EXPIRED:
    case CommandState.ABANDONED:
      return { key: step.key, state: 'FAILED', failure: failureOf(step, status) };
    case CommandState.RUNNING:
    case CommandState.UNKNOWN:
      return step.state === 'RUNNING' ? undefined : { key: step.key, state: 'RUNNING' };
    default:
      return undefined;
  }
}

function failureOf(step: StepView, status: CommandStatus): StoredFailure {
  const where = step.server_name === null ? '' : `${step.server_name}: `;
  if (status.failure !== undefined) return { ...storeFailure(status.failure), message: where + status.failure.message };
  if (status.state === CommandState.EXPIRED)
    return storedFailure({
      reason: 'COMMAND_EXPIRED',
      message: `${where}the agent did not take the command in time`,
      remedy: 'see that the agent is online (truffle agent list), then retry',
    });
  return storedFailure({
    reason: `COMMAND_${CommandState[status.state]}`,
    message: `${where}the command ended without a reason`,
  });
}

async function serverChange(
  work: Work,
  step: StepView,
  change: StepChange,
  status: CommandStatus,
): Promise<ServerChange | undefined> {
  const id = step.server_id;
  if (id === null || (change.state !== 'SUCCEEDED' && change.state !== 'FAILED')) return undefined;
  if (step.action === 'change') {
    const server = work.servers.find((s) => s.id === id);
    // A change that failed says nothing of the server: it stands as it was recorded, and the operation says why.
    if (server === undefined || change.state === 'FAILED') return undefined;
    return takeIn(work, server, changeOf(step), status.output);
  }
  if (change.state === 'FAILED') return { id, state: 'FAILED' };
  if (step.action === 'delete') return { id, state: 'DELETED' };
  const last = !work.steps.some((s) => s.server_id === id && s.stage > step.stage);
  const state: ServerState = last ? 'READY' : 'RUNNING';
  const observed = status.output?.output.case === 'server' ? status.output.output.value : undefined;
  const power = step.action === 'ensure' ? { power: 'RUNNING' as const } : {};
  return { id, state, ...power, ...(observed === undefined ? {} : seen(observed)) };
}

function seen({ node, address, addressSource }: ServerObserved): Omit<ServerChange, 'id'> {
  // An agent that is older than this does not say.
  const name = AddressSource[addressSource];
  return { node, address, ...(name === undefined || name === 'UNSPECIFIED' ? {} : { addressSource: name as Source }) };
}

async function report(work: Work, change: ServerChange): Promise<void> {
  const names: Partial<Record<ServerState, string>> = {
    RUNNING: 'server.running',
    READY: 'server.ready',
    FAILED: 'server.failed',
    DELETED: 'server.deleted',
  };
  const name = change.state === undefined ? undefined : names[change.state];
  const server = work.servers.find((s) => s.id === change.id);
  if (name === undefined || server === undefined || server.state === change.state) return;
  await appendEvent(work.tx, authorOfOperation(work.operation), {
    orgId: server.org_id,
    name,
    resourceId: server.id,
    projectId: server.project_id,
    data: {
      clusterId: server.cluster_id,
      operationId: work.operation.id,
      before: { state: server.state },
      after: {
        state: change.state,
        name: server.name,
        vmid: server.vmid,
        node: change.node ?? server.node,
        address: change.address ?? server.address,
        addressSource: change.addressSource ?? server.address_source,
        cpu: server.cpu,
        memoryBytes: server.memory_bytes,
        diskBytes: server.disk_bytes,
      },
    },
  });
}

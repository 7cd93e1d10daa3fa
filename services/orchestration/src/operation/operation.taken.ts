import type { CommandOutput } from '@truffle/api/agent/v1/command';
import { appendEvent } from '@truffle/database';
import type { ServerIntent } from '../server/server.intent.ts';
import type { ServerChange, ServerRow } from '../server/server.repo.ts';
import { deleteSnapshot, findSnapshot, insertSnapshot } from '../snapshot/snapshot.repo.ts';
import { authorOfOperation, type Work } from './operation.work.ts';

const eventOf: Readonly<Record<ServerIntent['kind'], string>> = {
  START_SERVER: 'server.started',
  STOP_SERVER: 'server.stopped',
  SNAPSHOT_SERVER: 'snapshot.made',
  ROLLBACK_SERVER: 'server.rolled_back',
  DELETE_SNAPSHOT: 'snapshot.deleted',
  RESIZE_SERVER: 'server.resized',
  MIGRATE_SERVER: 'server.migrated',
};

/** Takes in what a change to a server came to: its snapshots at once, and what becomes of its row; both with their event. */
export async function takeIn(
  work: Work,
  server: ServerRow,
  intent: ServerIntent,
  output: CommandOutput | undefined,
): Promise<ServerChange> {
  const observed = observedOf(output);
  const known = intent.kind === 'ROLLBACK_SERVER' ? await findSnapshot(work.tx, server.id, intent.snapshot) : undefined;
  // What a rollback brings back is the whole configuration, sizes included.
  const size =
    known === undefined ? {} : { cpu: known.cpu, memory: Number(known.memory_bytes), disk: Number(known.disk_bytes) };
  const change: ServerChange = { id: server.id, ...size, ...observed };
  if (intent.kind === 'SNAPSHOT_SERVER') await keepSnapshot(work, server, intent.includeMemory, output);
  if (intent.kind === 'DELETE_SNAPSHOT') await deleteSnapshot(work.tx, server.id, intent.snapshot);
  const { id: _, ...after } = change;
  await appendEvent(work.tx, authorOfOperation(work.operation), {
    orgId: server.org_id,
    name: eventOf[intent.kind],
    resourceId: server.id,
    projectId: server.project_id,
    data: {
      clusterId: server.cluster_id,
      operationId: work.operation.id,
      before: {
        power: server.power,
        node: server.node,
        cpu: server.cpu,
        memory: Number(server.memory_bytes),
        disk: Number(server.disk_bytes),
      },
      after: { ...after, name: server.name, ...snapshotIn(intent, output) },
    },
  });
  return change;
}

function observedOf(output: CommandOutput | undefined): Omit<ServerChange, 'id'> {
  switch (output?.output.case) {
    case 'placed': {
      const { node, running } = output.output.value;
      return { node, power: running ? 'RUNNING' : 'STOPPED' };
    }
    case 'resized': {
      const { cpu, memoryBytes, diskBytes } = output.output.value;
      return { cpu, memory: Number(memoryBytes), disk: Number(diskBytes) };
    }
    default:
      return {};
  }
}

const snapshotIn = (intent: ServerIntent, output: CommandOutput | undefined): { readonly snapshot?: string } => {
  if ('snapshot' in intent) return { snapshot: intent.snapshot };
  return output?.output.case === 'snapshot' ? { snapshot: output.output.value.name } : {};
};

async function keepSnapshot(
  work: Work,
  server: ServerRow,
  includeMemory: boolean,
  output: CommandOutput | undefined,
): Promise<void> {
  if (output?.output.case !== 'snapshot') return;
  const { name, madeAt } = output.output.value;
  await insertSnapshot(work.tx, {
    org_id: server.org_id,
    server_id: server.id,
    name,
    include_memory: includeMemory && server.power === 'RUNNING',
    cpu: server.cpu,
    memory_bytes: server.memory_bytes,
    disk_bytes: server.disk_bytes,
    operation_id: work.operation.id,
    made_at: madeAt > 0n ? new Date(Number(madeAt) * 1_000) : new Date(),
  });
}

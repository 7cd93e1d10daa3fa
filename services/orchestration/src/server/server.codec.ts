import { create } from '@bufbuild/protobuf';
import { ServerSchema, ServerState as State, type Server } from '@truffle/api/orchestration/v1/cluster';
import type { ServerRow } from './server.repo.ts';

export const serverMessage = (row: ServerRow): Server =>
  create(ServerSchema, {
    id: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    clusterId: row.cluster_id,
    name: row.name,
    role: row.role,
    index: row.index,
    state: State[row.state],
    vmid: row.vmid ?? 0,
    node: row.node,
    address: row.address,
    cpu: row.cpu,
    memoryBytes: BigInt(row.memory_bytes),
    diskBytes: BigInt(row.disk_bytes),
    revision: BigInt(row.revision),
  });

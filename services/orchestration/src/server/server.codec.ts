import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  AddressSource,
  HealthState,
  PowerState,
  ServerSchema,
  ServerState as State,
  type Server,
} from '@truffle/api/orchestration/v1/cluster';
import type { ServerRow } from './server.repo.ts';
import type { ServerState } from './server.table.ts';

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
    addressSource: AddressSource[row.address_source ?? 'UNSPECIFIED'],
    cpu: row.cpu,
    memoryBytes: BigInt(row.memory_bytes),
    diskBytes: BigInt(row.disk_bytes),
    revision: BigInt(row.revision),
    health: row.health === null ? HealthState.UNSPECIFIED : HealthState[row.health],
    healthDetail: row.health_detail,
    ...(row.health_at === null ? {} : { healthAt: timestampFromDate(row.health_at) }),
    power: unpowered.has(row.state) ? PowerState.UNSPECIFIED : PowerState[row.power],
  });

/** States in which there is no VM, or none that was up yet. */
const unpowered: ReadonlySet<ServerState> = new Set(['PENDING', 'PROVISIONING', 'DELETED']);

import {
  AddressSource,
  HealthState,
  PowerState,
  ServerSchema,
  ServerState,
  SnapshotSchema,
} from '@truffle/api/orchestration/v1/cluster';
import type { View } from '../output/output.ts';
import { age, bytes, stateName, when } from '../output/text.ts';

const columns: View<typeof ServerSchema>['columns'] = {
  NAME: (each) => each.name,
  ROLE: (each) => each.role,
  STATE: (each) => stateName(ServerState, each.state),
  POWER: (each) => (each.power === PowerState.UNSPECIFIED ? '-' : stateName(PowerState, each.power)),
  HEALTH: (each) => (each.health === HealthState.UNSPECIFIED ? '-' : stateName(HealthState, each.health)),
  ADDRESS: (each) => each.address || '-',
  NODE: (each) => each.node || '-',
  VMID: (each) => (each.vmid === 0 ? '-' : String(each.vmid)),
  SIZE: (each) => `${each.cpu} cpu, ${bytes(each.memoryBytes)}, ${bytes(each.diskBytes)}`,
  ID: (each) => each.id,
};

export const serverView: View<typeof ServerSchema> = {
  schema: ServerSchema,
  name: (each) => each.name,
  columns,
  card: (each, now) => [
    ...Object.entries(columns).map(([head, cell]) => [head, cell(each, now)] as const),
    ...(each.addressSource === AddressSource.UNSPECIFIED
      ? []
      : [['TOLD BY', stateName(AddressSource, each.addressSource)] as const]),
    ...(each.healthDetail === '' ? [] : [['FOUND', `${each.healthDetail}, ${when(each.healthAt)}`] as const]),
  ],
};

export const snapshotView: View<typeof SnapshotSchema> = {
  schema: SnapshotSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    MADE: (each) => when(each.madeAt),
    AGE: (each, now) => age(each.madeAt, now),
    MEMORY: (each) => (each.includeMemory ? 'yes' : 'no'),
    OPERATION: (each) => each.operationId,
  },
};

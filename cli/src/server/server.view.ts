import { ServerSchema, ServerState } from '@truffle/api/orchestration/v1/cluster';
import type { View } from '../output/output.ts';
import { bytes, stateName } from '../output/text.ts';

export const serverView: View<typeof ServerSchema> = {
  schema: ServerSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    ROLE: (each) => each.role,
    STATE: (each) => stateName(ServerState, each.state),
    ADDRESS: (each) => each.address || '-',
    NODE: (each) => each.node || '-',
    VMID: (each) => (each.vmid === 0 ? '-' : String(each.vmid)),
    SIZE: (each) => `${each.cpu} cpu, ${bytes(each.memoryBytes)}, ${bytes(each.diskBytes)}`,
    ID: (each) => each.id,
  },
};

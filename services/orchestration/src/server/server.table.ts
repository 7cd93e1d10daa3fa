import type { ColumnType, Generated, JSONColumnType } from 'kysely';

export interface ServerTables {
  'orchestration.server': ServerTable;
  'orchestration.vmid_lease': VmidLeaseTable;
}

export type ServerState =
  | 'PENDING'
  | 'PROVISIONING'
  | 'RUNNING'
  | 'DEPLOYING'
  | 'READY'
  | 'FAILED'
  | 'DELETING'
  | 'DELETED';

export interface ServerTable {
  org_id: string;
  id: string;
  project_id: string;
  cluster_id: string;
  agent_id: string;
  name: string;
  role: string;
  index: number;
  state: ServerState;
  vmid: number | null;
  node: string;
  address: Generated<string>;
  image: string;
  cpu: number;
  memory_bytes: ColumnType<string, number, number>;
  disk_bytes: ColumnType<string, number, number>;
  networks: JSONColumnType<string[]>;
  /** Rises with each new intent on the VM; the agent refuses a command with a lower one. */
  fence: ColumnType<string, number | undefined, number | string>;
  revision: Generated<string>;
}

/** VMIDs out of the range that a site offers; held from the plan's reservation until the VM is gone. */
export interface VmidLeaseTable {
  org_id: string;
  agent_id: string;
  vmid: number;
  server_id: string;
}

import type { ColumnType, Generated, JSONColumnType } from 'kysely';

export interface ServerTables {
  'orchestration.server': ServerTable;
  'orchestration.vmid_lease': VmidLeaseTable;
  'orchestration.server_snapshot': SnapshotTable;
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

/** How a server's agent found it between deployments. */
export type Health = 'HEALTHY' | 'REMEDIED' | 'UNHEALTHY';

/** Who told a server's address. */
export type AddressSource = 'SITE' | 'GUEST_AGENT' | 'CLOUD_INIT' | 'LEASE' | 'NEIGHBOUR';

/** Whether a server runs, as the last operation on it left it. */
export type Power = 'RUNNING' | 'STOPPED';

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
  /** Null until the address is known. */
  address_source: Generated<AddressSource | null>;
  image: string;
  cpu: number;
  memory_bytes: ColumnType<string, number, number>;
  disk_bytes: ColumnType<string, number, number>;
  networks: JSONColumnType<string[]>;
  power: Generated<Power>;
  /** Rises with each new intent on the VM; the agent refuses a command with a lower one. */
  fence: ColumnType<string, number | undefined, number | string>;
  revision: Generated<string>;
  /** What the site's agent last said of its health; null while nothing was amiss since it was last deployed. */
  health: Generated<Health | null>;
  health_detail: Generated<string>;
  /** By the agent's clock. */
  health_at: Generated<Date | null>;
}

/**
 * VMIDs out of the range that a site offers; held from the plan's reservation until the VM is gone. Kept after that until the number is leased
 * anew: it tells whose a VM is that is on it all the same.
 */
export interface VmidLeaseTable {
  org_id: string;
  agent_id: string;
  vmid: number;
  /** Null for an image's template. */
  server_id: string | null;
  /** Name of the image whose template it is for; null for a server. */
  image: string | null;
  /** When the site had confirmed that the VM is gone; null while the number is held. */
  released_at: Date | null;
  /** When a VM of the server was last found on the number though it is wanted no more; null for none. */
  orphan_seen_at: Date | null;
}

/** Snapshots that operations made, with the size that the server had: a rollback brings it back. */
export interface SnapshotTable {
  org_id: string;
  server_id: string;
  /** `tf-` and the id of the command that made it. */
  name: string;
  include_memory: boolean;
  cpu: number;
  memory_bytes: ColumnType<string, number | string, never>;
  disk_bytes: ColumnType<string, number | string, never>;
  operation_id: string;
  made_at: Date;
}

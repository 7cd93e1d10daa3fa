import type { ColumnType, Generated } from 'kysely';
import type { StoredFailure } from '../cluster/cluster.table.ts';

export interface ImageTables {
  'orchestration.image_import': ImageImportTable;
}

/** The last import of each image to each site. */
export interface ImageImportTable {
  org_id: string;
  agent_id: string;
  image: string;
  url: string;
  sha256: string;
  node: string;
  storage: string;
  vmid: number;
  state: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  command_id: string;
  fence: ColumnType<string, string, string>;
  failure: ColumnType<StoredFailure | null, string | null | undefined, string | null>;
  disk_bytes: ColumnType<string, number | undefined, number>;
  created_at: Generated<Date>;
  ended_at: Date | null;
}

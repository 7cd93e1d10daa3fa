import type { ColumnType } from 'kysely';

/** Only ever added to, by the agents that measured; a sweep removes what is older than a week. */
export interface MetricTable {
  org_id: string;
  /** Who measured: what one agent says of a server is nothing that another can change. */
  agent_id: string;
  /** A server, or the agent itself. */
  resource_id: string;
  /** By the agent's clock. */
  time: Date;
  cpu_share: number;
  memory_used_bytes: Bytes;
  disk_read_bytes: Bytes;
  disk_written_bytes: Bytes;
  network_received_bytes: Bytes;
  network_sent_bytes: Bytes;
  journal_bytes: Bytes;
}

/** Rounds of samples that an agent dropped before they could be told. */
export interface MetricGapTable {
  org_id: string;
  agent_id: string;
  first_time: Date;
  last_time: Date;
  n: Bytes;
}

type Bytes = ColumnType<string, string, never>;

import type { ColumnType } from 'kysely';
import type { StoredRange } from './allowlist.ts';

type Ranges = ColumnType<StoredRange[], string, string>;

/** One row for each organization that ever set its allowlists. */
export interface AllowlistTable {
  org_id: string;
  sessions: Ranges;
  api_keys: Ranges;
  agents: Ranges;
  revision: ColumnType<string, string, string>;
  changed_at: ColumnType<Date, never, Date>;
}

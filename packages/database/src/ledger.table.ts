import type { Generated, JSONColumnType } from 'kysely';

export interface LedgerTables {
  'ledger.event': EventTable;
  'ledger.head': HeadTable;
  'ledger.lease': LeaseTable;
}

export interface EventTable {
  id: string;
  org_id: string;
  /** Given by the relay: gapless in the organization. */
  n: string | null;
  type: string;
  resource_id: string;
  project_id: string | null;
  actor_subject: string;
  actor_on_behalf_of: string | null;
  actor_name: string | null;
  request_id: string;
  traceparent: string | null;
  visibility: Generated<string>;
  occurred_at: Generated<Date>;
  data: JSONColumnType<Record<string, unknown>>;
  hash: Buffer | null;
}

/** Where an organization's chain stands. */
export interface HeadTable {
  org_id: string;
  n: string;
  hash: Buffer;
  published_n: string;
}

export interface LeaseTable {
  name: string;
  holder: string;
  fence: string;
  until: Date;
}

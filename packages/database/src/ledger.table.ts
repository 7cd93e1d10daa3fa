import type { Generated, JSONColumnType } from 'kysely';

export interface LedgerTables {
  'ledger.event': EventTable;
  'ledger.head': HeadTable;
  'ledger.lease': LeaseTable;
  'ledger.person': PersonTable;
  'ledger.checkpoint': CheckpointTable;
}

export interface EventTable {
  id: string;
  org_id: string;
  /** Given by the relay: gapless in the organization. */
  n: string | null;
  type: string;
  /** Audit verb of the method that it came from. */
  action: string | null;
  /** `OK`, or the reason of a refusal. */
  result: Generated<string>;
  resource_id: string;
  project_id: string | null;
  actor_subject: string;
  actor_on_behalf_of: string | null;
  /** Row of `ledger.person` with what is personal about the actor; stays when that is erased. */
  person: string | null;
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
  published_n: Generated<string>;
  /** Number of the newest event that a checkpoint covers, and when it was signed. */
  checkpoint_n: Generated<string>;
  checkpoint_at: Date | null;
  /** Number of the first event that retention has left. */
  first_n: Generated<string>;
}

/** Names, addresses and user agents, beside the chain. */
export interface PersonTable {
  org_id: string;
  /** Commitment to the rest, which events carry. */
  id: string;
  subject: string;
  /** Null once erased, like the rest. */
  salt: Buffer | null;
  name: string | null;
  address: string | null;
  user_agent: string | null;
  erased_at: Date | null;
}

export interface CheckpointTable {
  org_id: string;
  n: string;
  kind: string;
  hash: Buffer;
  /** As it was signed, to the letter. */
  at: string;
  key_id: string;
  signature: string;
}

export interface LeaseTable {
  name: string;
  holder: string;
  fence: string;
  until: Date;
}

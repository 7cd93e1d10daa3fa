import type { Generated, JSONColumnType } from 'kysely';

export interface MailTable {
  id: string;
  kind: string;
  /** Where it goes, in lower case. */
  email: string;
  /** Id of what it is about; empty where that is found by the address when it is sent. */
  subject: string;
  /** What its text speaks of; never a secret. */
  parameters: JSONColumnType<Record<string, string>>;
  /** The token of the link that it carries, while it waits to be taken. */
  sealed_token: Generated<Buffer | null>;
  created_at: Date;
  attempts: Generated<number>;
  next_at: Date;
  ended_at: Date | null;
  outcome: string | null;
}

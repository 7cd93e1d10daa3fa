import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.ts';

/** An event as it is chained, exported and verified: every stored column but the hash, under the column's name. */
export interface AuditRecord {
  readonly id: string;
  readonly org_id: string;
  /** Its number in the organization, in digits. */
  readonly n: string;
  readonly type: string;
  /** Audit verb of the method that it came from; null where no call did it. */
  readonly action: string | null;
  readonly result: string;
  readonly resource_id: string;
  readonly project_id: string | null;
  readonly actor_subject: string;
  readonly actor_on_behalf_of: string | null;
  /** Commitment to the actor's personal data (`personOf`), which stands beside the chain and can be erased. */
  readonly person: string | null;
  readonly request_id: string;
  readonly traceparent: string | null;
  readonly visibility: string;
  /** UTC with microseconds, e.g. `2026-11-23T10:00:00.000000Z`: a JavaScript date would cut them. */
  readonly occurred_at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The names of a record's fields: nothing else is chained, and nothing else may stand in an export's line. */
export const recordFields = [
  'id',
  'org_id',
  'n',
  'type',
  'action',
  'result',
  'resource_id',
  'project_id',
  'actor_subject',
  'actor_on_behalf_of',
  'person',
  'request_id',
  'traceparent',
  'visibility',
  'occurred_at',
  'data',
] as const satisfies readonly (keyof AuditRecord)[];

/** What an organization's chain begins with, in the place of the hash before its first event. */
export const chainStart: Buffer = Buffer.alloc(32);

/** h_n = SHA-256(h_(n-1) ‖ canonical JSON of the record). */
export const chainHash = (before: Buffer, record: AuditRecord): Buffer =>
  createHash('sha256').update(before).update(canonicalJson(record)).digest();

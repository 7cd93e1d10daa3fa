import { newId } from '@truffle/ids';
import type { Transaction } from 'kysely';
import type { LedgerTables } from './ledger.table.ts';

/** Who caused an event, and in which request. */
export interface EventAuthor {
  readonly subject: string;
  readonly onBehalfOf?: string | undefined;
  readonly displayName?: string | undefined;
  readonly requestId: string;
  readonly traceparent?: string | undefined;
}

export interface NewEvent {
  readonly orgId: string;
  /** `<noun>.<past participle>`, e.g. `cluster.created`. */
  readonly name: string;
  readonly resourceId: string;
  readonly projectId?: string | undefined;
  /** What the fact says; never a secret. `before` and `after` where something changed. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The versioned CloudEvents type of an event's name. */
export const eventType = (name: string, version = 1): string => `dev.truffle.${name}.v${version}`;

const appended = new WeakMap<object, number>();

/**
 * Appends an event in the transaction that makes it true. The row is audit record, outbox and source of live updates in one;
 * the relay numbers it after the commit.
 */
export async function appendEvent<T extends object>(
  tx: Transaction<T>,
  author: EventAuthor,
  event: NewEvent,
): Promise<string> {
  const id = newId('evt');
  await (tx as unknown as Transaction<LedgerTables>)
    .insertInto('ledger.event')
    .values({
      id,
      org_id: event.orgId,
      type: eventType(event.name),
      resource_id: event.resourceId,
      project_id: event.projectId ?? null,
      actor_subject: author.subject,
      actor_on_behalf_of: author.onBehalfOf ?? null,
      actor_name: author.displayName ?? null,
      request_id: author.requestId,
      traceparent: author.traceparent ?? null,
      data: JSON.stringify(event.data),
    })
    .execute();
  appended.set(tx, (appended.get(tx) ?? 0) + 1);
  return id;
}

/** How many events this transaction has appended so far. */
export const eventCountOf = (tx: object): number => appended.get(tx) ?? 0;

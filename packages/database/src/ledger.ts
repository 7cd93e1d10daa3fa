import { randomBytes } from 'node:crypto';
import { personOf, type PersonalData } from '@truffle/audit';
import { newId } from '@truffle/ids';
import { sql, type Transaction } from 'kysely';

/** Who caused an event, and in which request. */
export interface EventAuthor {
  readonly subject: string;
  readonly onBehalfOf?: string | undefined;
  /** With `address` and `userAgent` personal: kept beside the event, where it can be erased. */
  readonly displayName?: string | undefined;
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
  /** Audit verb of the method that was called. */
  readonly action?: string | undefined;
  readonly requestId: string;
  readonly traceparent?: string | undefined;
  /** Counts what is appended, for whoever wants to know whether the call left a trace. */
  readonly trace?: { events: number } | undefined;
}

export interface NewEvent {
  readonly orgId: string;
  /** `<noun>.<past participle>`, e.g. `cluster.created`. */
  readonly name: string;
  readonly resourceId: string;
  readonly projectId?: string | undefined;
  /** `OK` unless told: the reason of a refusal. */
  readonly result?: string | undefined;
  /** What the fact says; never a secret, nothing personal. `before` and `after` where something changed. */
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
  const person = personIn(event.orgId, author);
  const row = sql`
    insert into ledger.event (id, org_id, type, action, result, resource_id, project_id, actor_subject, actor_on_behalf_of, person, request_id, traceparent, data)
    values (${id}, ${event.orgId}, ${eventType(event.name)}, ${author.action ?? null}, ${event.result ?? 'OK'}, ${event.resourceId}, ${event.projectId ?? null},
      ${author.subject}, ${author.onBehalfOf ?? null}, ${person?.id ?? null}, ${author.requestId}, ${author.traceparent ?? null}, ${JSON.stringify(event.data)})`;
  // Before it is stored, as it may travel with the commit; when it is not stored, nor is the rest.
  appended.set(tx, (appended.get(tx) ?? 0) + 1);
  if (person === undefined) await row.execute(tx);
  else
    await sql`
      with beside as (
        insert into ledger.person (org_id, id, subject, salt, name, address, user_agent)
        values (${event.orgId}, ${person.id}, ${person.subject}, ${person.salt}, ${person.data.name}, ${person.data.address}, ${person.data.user_agent})
        on conflict do nothing
      ) ${row}`.execute(tx);
  if (author.trace !== undefined) author.trace.events++;
  return id;
}

/** How many events this transaction has appended so far. */
export const eventCountOf = (tx: object): number => appended.get(tx) ?? 0;

interface Person {
  readonly id: string;
  readonly subject: string;
  readonly salt: Buffer;
  readonly data: PersonalData;
}

const longest = 256;
const mostKnown = 10_000;
const known = new Map<string, Person>();

/** The row of what is personal about an author; the same one for as long as this process remembers it, so that there are few. */
function personIn(orgId: string, author: EventAuthor): Person | undefined {
  const data = {
    name: shortened(author.displayName),
    address: shortened(author.address),
    user_agent: shortened(author.userAgent),
  };
  if (data.name === null && data.address === null && data.user_agent === null) return undefined;
  const subject = author.onBehalfOf ?? author.subject;
  const key = JSON.stringify([orgId, subject, data.name, data.address, data.user_agent]);
  let person = known.get(key);
  if (person === undefined) {
    const salt = randomBytes(32);
    person = { id: personOf(salt, subject, data), subject, salt, data };
    if (known.size >= mostKnown) known.clear();
    known.set(key, person);
  }
  return person;
}

/** A text as PostgreSQL and JSON both keep it; null for none. */
const shortened = (text: string | undefined): string | null =>
  text === undefined || text === '' ? null : text.replaceAll('\0', '').slice(0, longest).toWellFormed();

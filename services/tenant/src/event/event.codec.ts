import { create, type JsonObject } from '@bufbuild/protobuf';
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt';
import { EventSchema, type Event } from '@truffle/api/tenant/v1/event';
import type { AuditRecord } from '@truffle/audit';
import type { NamedRecord } from './event.repo.ts';

/** An event of the contract; without its actor's name where the record is without. */
export const eventMessage = (record: AuditRecord | NamedRecord): Event =>
  create(EventSchema, {
    id: record.id,
    orgId: record.org_id,
    n: BigInt(record.n),
    type: record.type,
    resourceId: record.resource_id,
    projectId: record.project_id ?? '',
    actor: {
      subject: record.actor_subject,
      onBehalfOf: record.actor_on_behalf_of ?? '',
      displayName: 'actor_name' in record ? (record.actor_name ?? '') : '',
    },
    action: record.action ?? '',
    result: record.result,
    requestId: record.request_id,
    occurredAt: timestamp(record.occurred_at),
    // What came out of a jsonb column is JSON.
    data: record.data as JsonObject,
  });

/** A record's time, to the microsecond. */
export function timestamp(text: string): Timestamp {
  const micros = Number(text.slice(20, 26));
  return create(TimestampSchema, { seconds: BigInt(Math.floor(Date.parse(text) / 1000)), nanos: micros * 1000 });
}

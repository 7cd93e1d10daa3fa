import { create, type JsonObject } from '@bufbuild/protobuf';
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt';
import { EventSchema, type Event } from '@truffle/api/tenant/v1/event';
import type { EventRecord } from './event.repo.ts';

export const eventMessage = (record: EventRecord): Event =>
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
      displayName: record.actor_name ?? '',
    },
    requestId: record.request_id,
    occurredAt: timestamp(record.occurred_at),
    // What came out of a jsonb column is JSON.
    data: record.data as JsonObject,
  });

function timestamp(text: string): Timestamp {
  const micros = Number(text.slice(20, 26));
  return create(TimestampSchema, { seconds: BigInt(Math.floor(Date.parse(text) / 1000)), nanos: micros * 1000 });
}

import { toBinary } from '@bufbuild/protobuf';
import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { AuditRecord } from '@truffle/audit';
import { EventSchema } from '@truffle/api/tenant/v1/event';
import type { Bell } from '@truffle/kit';
import { eventMessage } from './event.codec.ts';

/** How long the stream keeps events: as far back as a consumer may have been away, and as far as a wiped stream is filled again. */
export const streamDays = 7;

const nanosecond = 1e-9;
const nanos = (seconds: number): number => seconds / nanosecond;
const publishTimeout = 5_000;
/** A message of NATS holds 1 MiB at most; an event above this goes without its data. */
const mostBytes = 900 * 1024;

const stream = {
  name: 'EVENTS',
  subjects: ['events.*'] as string[],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  max_age: nanos(streamDays * 24 * 60 * 60),
  max_bytes: 1024 * 1024 * 1024,
  duplicate_window: nanos(120),
} satisfies Partial<StreamConfig>;

/**
 * The one stream of events in JetStream: subject `events.<org_id>`, a message is a binary `truffle.tenant.v1.Event`. It carries no names: they
 * can be erased from the ledger, not from a stream.
 */
export class EventStream {
  readonly #connection: Bell['connection'];

  constructor(connection: Bell['connection']) {
    this.#connection = connection;
  }

  /** Makes the stream when it is not there, after `beforeMaking`. Only the relay makes it, so that it knows when it was lost. */
  async ensure(beforeMaking: () => Promise<void>): Promise<void> {
    const manager = await jetstreamManager(this.#connection, { checkAPI: false });
    try {
      await manager.streams.info(stream.name);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound)) throw error;
      await beforeMaking();
      await manager.streams.add(stream);
    }
  }

  /** Stores one event; the same event again within two minutes is dropped by the server. Rejects when it is not stored. */
  async publish(record: AuditRecord): Promise<void> {
    const event = eventMessage(record);
    let payload = toBinary(EventSchema, event);
    if (payload.length > mostBytes) payload = toBinary(EventSchema, { ...event, data: {} });
    await jetstream(this.#connection).publish(`events.${record.org_id}`, payload, {
      msgID: record.id,
      timeout: publishTimeout,
    });
  }
}

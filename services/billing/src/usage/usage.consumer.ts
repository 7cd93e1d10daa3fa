import { setTimeout as delay } from 'node:timers/promises';
import { fromBinary } from '@bufbuild/protobuf';
import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  type ConsumerMessages,
  type JsMsg,
} from '@nats-io/jetstream';
import { EventSchema, type Event } from '@truffle/api/tenant/v1/event';
import type { Bell } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';

/** The stream that the tenant service's relay keeps. */
const stream = 'EVENTS';
const durable = 'billing-usage';
const retryMs = 2_000;
const redeliverMs = 5_000;
const ackWaitNanos = 30e9;
const mostAtOnce = 100;

export interface ConsumerParts {
  readonly connection: Bell['connection'];
  readonly logger: Logger;
  /** Takes one event; may get it more than once and out of order. */
  readonly take: (event: Event) => Promise<void>;
}

/**
 * Hands every event to `take` until it succeeds. Its place is kept by JetStream; where that was wiped, it begins anew with what the relay
 * publishes again. It never makes the stream: the relay must be the one to find it missing.
 */
export class UsageConsumer {
  readonly #parts: ConsumerParts;
  readonly #stop = new AbortController();
  #messages: ConsumerMessages | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends after the event at work. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#messages?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#consume();
      } catch (error) {
        this.#parts.logger.debug({ err: error }, 'events can not be consumed yet');
      }
      await delay(retryMs * (0.5 + Math.random()), undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #consume(): Promise<void> {
    const manager = await jetstreamManager(this.#parts.connection, { checkAPI: false });
    const wanted = {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ackWaitNanos,
    };
    await manager.consumers.add(stream, wanted);
    const consumer = await jetstream(this.#parts.connection).consumers.get(stream, durable);
    this.#messages = await consumer.consume({
      max_messages: mostAtOnce,
      idle_heartbeat: 5_000,
      abort_on_missing_resource: true,
    });
    if (this.#stop.signal.aborted) await this.#messages.close();
    for await (const message of this.#messages) await this.#take(message);
  }

  async #take(message: JsMsg): Promise<void> {
    let event: Event;
    try {
      event = fromBinary(EventSchema, message.data);
    } catch (error) {
      this.#parts.logger.error({ err: error, seq: message.seq }, 'a message of the stream is no event');
      return message.term();
    }
    try {
      await this.#parts.take(event);
      message.ack();
    } catch (error) {
      this.#parts.logger.warn({ err: error, event: event.id }, 'an event was not metered; it will come again');
      message.nak(redeliverMs);
    }
  }
}

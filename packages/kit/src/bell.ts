import { connect, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { Logger } from '@truffle/telemetry';
import { natsTls } from './engine-address.ts';

/** Subjects of the doorbells, each named once. A lost ring costs latency (the next sweep), never work. */
export const bells = {
  /** Events were committed and wait for their number. */
  events: 'door.events',
  /** Events of one organization have been numbered. */
  numbered: (orgId: string) => `door.numbered.${orgId}`,
  /** Commands wait for an agent. */
  agent: (agentId: string) => `door.agent.${agentId}`,
  /** A command ended. */
  command: (commandId: string) => `door.command.${commandId}`,
  /** Something about an operation changed. */
  operation: (operationId: string) => `door.operation.${operationId}`,
  /** A workflow's commands changed; the data is the workflow's id. */
  workflow: 'door.workflow',
  /** A credential or binding changed: forget what is cached. */
  identity: 'door.identity',
  /** Calls that a process let through, for the rate limits of the others. */
  spent: 'rate.spent',
  /** An organization's allowlists of addresses changed. */
  allowlist: 'door.allowlist',
  /** Mails wait to be sent. */
  mail: 'door.mail',
} as const;

/** Doorbells over NATS: best effort both ways. */
export interface Bell {
  ring(subject: string, data?: string): void;
  /** Calls `heard` for each ring until the returned function is called. `subject` may end in `*`. With a `group`, one listener of it hears each ring. */
  listen(subject: string, heard: (data: string, subject: string) => void, group?: string): () => void;
  /** For JetStream and for readiness. */
  readonly connection: NatsConnection;
  close(): Promise<void>;
}

/** Connects; afterwards it reconnects for ever with jitter, dropping rings meanwhile. */
export async function connectBell(url: string, name: string, logger: Logger): Promise<Bell> {
  const at = new URL(url);
  const tls = natsTls(at);
  const connection = await connect({
    servers: at.host,
    ...(tls === undefined ? {} : { tls }),
    name,
    ...(at.username === '' ? {} : { user: decodeURIComponent(at.username), pass: decodeURIComponent(at.password) }),
    ...(at.username !== '' && at.password === '' ? { token: decodeURIComponent(at.username) } : {}),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 1_000,
    timeout: 10_000,
  });
  void watch(connection, logger);
  const subscriptions = new Set<Subscription>();
  return {
    connection,
    ring: (subject, data = '') => {
      try {
        connection.publish(subject, data);
      } catch (error) {
        logger.debug({ err: error, subject }, 'a doorbell did not ring');
      }
    },
    listen: (subject, heard, group) => {
      const subscription = connection.subscribe(subject, {
        ...(group === undefined ? {} : { queue: group }),
        callback: (error, message) => {
          if (error === null) heard(message.string(), message.subject);
        },
      });
      subscriptions.add(subscription);
      return () => {
        subscriptions.delete(subscription);
        subscription.unsubscribe();
      };
    },
    close: async () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
      await connection.close();
    },
  };
}

async function watch(connection: NatsConnection, logger: Logger): Promise<void> {
  for await (const status of connection.status())
    if (status.type === 'disconnect' || status.type === 'reconnect')
      logger.warn({ status: status.type }, 'the connection to NATS changed');
}

import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  AgentLinkService,
  LinkRequestSchema,
  LinkResponseSchema,
  type LinkRequest,
  type LinkResponse,
} from '@truffle/api/agent/v1/link';
import { frameLimit } from './frame.ts';
import type { DialStep } from './phase.ts';
import { dialMs } from './session.ts';
import type { Dialer, Stream, StreamEvents } from './stream.ts';

/** What the agent shows and trusts. PEM. */
export interface LinkCredentials {
  readonly certificate: string;
  readonly key: string;
  /** Authorities that the gateway's certificate must come from. */
  readonly authorities: string;
  /** Name that the gateway's certificate must carry, wherever it is dialled. */
  readonly serverName: string;
}

const path = `/${AgentLinkService.typeName}/${AgentLinkService.method.link.name}`;
const longestDialMs = Object.values(dialMs).reduce((sum, ms) => sum + ms);
/** How long a closed stream may take to send what is on its way. */
const lingerMs = 1_000;
const refusals: readonly grpc.status[] = [grpc.status.UNAUTHENTICATED, grpc.status.PERMISSION_DENIED];

/**
 * Dials gateways over gRPC with mutual TLS. Each dial has a connection of its own. `credentials` are asked for anew each time, so that a renewed certificate is used.
 */
export function grpcDialer(credentials: () => LinkCredentials): Dialer {
  let last: { readonly of: LinkCredentials; readonly context: SecureContext } | undefined;
  return {
    dial: (endpoint, events) => {
      const of = credentials();
      // Reading keys costs more than a dial that is refused, and they seldom change.
      if (last === undefined || !isDeepStrictEqual(last.of, of)) last = { of, context: contextOf(of) };
      return dial(endpoint, last, events);
    },
  };
}

const contextOf = ({ authorities, key, certificate }: LinkCredentials): SecureContext =>
  createSecureContext({ ca: authorities, key, cert: certificate });

function dial(
  endpoint: string,
  shown: { readonly of: LinkCredentials; readonly context: SecureContext },
  events: StreamEvents,
): Stream {
  const dialled: Dialled = { wanted: true, sockets: new Set(), reached: (step) => events.reached(step) };
  const client = new grpc.Client(
    endpoint,
    whileWanted(grpc.credentials.createFromSecureContext(shown.context), dialled),
    {
      'grpc.ssl_target_name_override': shown.of.serverName,
      'grpc.default_authority': shown.of.serverName,
      'grpc.keepalive_time_ms': 15_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.max_receive_message_length': frameLimit,
      'grpc.max_send_message_length': frameLimit,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.enable_channelz': 0,
      'grpc.service_config_disable_resolution': 1,
    },
  );
  return new GrpcStream(client, dialled, events);
}

/** Whether anybody still wants the connections of a dial, and those that are being secured. */
interface Dialled {
  wanted: boolean;
  readonly sockets: Set<Socket>;
  readonly reached: (step: DialStep) => void;
}

/**
 * grpc-js 1.14 connects once or twice more, a second after a channel that failed was closed: after an outage each agent would knock three
 * times for every dial. And a handshake that was given up would go on, and cost the gateway a turn. So the credentials refuse what begins when
 * the stream is over, and what is under way then is cut off. They also see how far a dial has come.
 */
function whileWanted(credentials: grpc.ChannelCredentials, dialled: Dialled): grpc.ChannelCredentials {
  const createConnector = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...given) => {
    const connector = createConnector(...given);
    return {
      waitForReady: async () => {
        if (!dialled.wanted) throw new Error('the stream is over');
        // Asked before the first byte goes to an address, so the name is resolved.
        dialled.reached('tcp');
        await connector.waitForReady();
      },
      connect: async (socket) => {
        dialled.reached('tls');
        dialled.sockets.add(socket);
        try {
          const secured = await connector.connect(socket);
          dialled.reached('http2');
          return secured;
        } finally {
          dialled.sockets.delete(socket);
        }
      },
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  };
  return credentials;
}

class GrpcStream implements Stream {
  readonly #client: grpc.Client;
  readonly #dialled: Dialled;
  readonly #events: StreamEvents;
  readonly #call: grpc.ClientDuplexStream<LinkRequest, LinkResponse>;
  #over = false;

  constructor(client: grpc.Client, dialled: Dialled, events: StreamEvents) {
    this.#client = client;
    this.#dialled = dialled;
    this.#events = events;
    // The call is queued until there is a connection, and fails with the reason as soon as there can be none.
    this.#call = client.makeBidiStreamRequest(path, encode, decode, new grpc.Metadata(), {});
    this.#listen();
    client.waitForReady(Date.now() + longestDialMs, (error) => {
      if (!this.#over && (error === undefined || error === null)) events.connected();
    });
  }

  send(frame: LinkRequest): boolean {
    return this.#call.write(frame);
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  close(): void {
    this.#over = true;
    const linger = setTimeout(() => this.#call.cancel(), lingerMs);
    this.#call.once('status', () => clearTimeout(linger));
    this.#call.resume();
    this.#call.end();
  }

  #listen(): void {
    this.#call.on('data', (frame: LinkResponse) => {
      if (!this.#over) this.#events.received(frame);
    });
    this.#call.on('drain', () => {
      if (!this.#over) this.#events.drained();
    });
    // The status says all that the error does; unheard, the error would end the process.
    this.#call.on('error', () => undefined);
    this.#call.on('status', (status) => {
      this.#dialled.wanted = false;
      for (const socket of this.#dialled.sockets) socket.destroy();
      this.#client.close();
      this.#lost({
        refused: refusals.includes(status.code),
        detail: `${grpc.status[status.code]} ${status.details}`.trim(),
      });
    });
  }

  #lost(why: { refused: boolean; detail: string }): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.lost(why);
  }
}

const encode = (frame: LinkRequest): Buffer => Buffer.from(toBinary(LinkRequestSchema, frame));

/** A frame that does not parse is one of no known kind: one bad frame must not end the session. */
function decode(bytes: Buffer): LinkResponse {
  try {
    return fromBinary(LinkResponseSchema, bytes);
  } catch {
    return create(LinkResponseSchema);
  }
}

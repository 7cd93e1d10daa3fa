import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  AgentLinkService,
  LinkRequestSchema,
  LinkResponseSchema,
  type LinkRequest,
  type LinkResponse,
} from '@truffle/api/agent/v1/link';
import { onTestFinished } from 'vitest';
import type { Authority } from './pki.ts';

/** Name in the test gateway's certificate. */
export const gatewayName = 'gateway.test';

type Call = grpc.ServerDuplexStream<LinkRequest, LinkResponse>;
export type GatewayFrame = NonNullable<MessageInitShape<typeof LinkResponseSchema>['frame']>;
type AgentFrame = LinkRequest['frame'];
type ValueOf<C> = Extract<AgentFrame, { case: C }> extends { value: infer V } ? V : never;

/** One stream of an agent. */
export interface Visit {
  /** Everything that came, in order. */
  readonly frames: AgentFrame[];
  /** Whether the stream is over. */
  over: boolean;
  send(frame: GatewayFrame): void;
  /** Ends the stream with OK, or with another status. */
  end(status?: grpc.status): void;
  pause(): void;
  resume(): void;
}

/** A gateway for tests: a real gRPC server with mutual TLS that a test speaks through. */
export interface TestGateway {
  readonly endpoint: string;
  readonly visits: Visit[];
  /** What each new stream is answered after its Hello; a Welcome with the next epoch unless set. */
  greet: (visit: Visit, epoch: number) => void;
  /** The first thing for which `find` gives one, now or later; rejects after 20 s. */
  until<T>(find: () => T | undefined | false): Promise<T>;
  /** Closes the server and every connection. */
  close(): void;
}

export const welcome = (epoch: number, rest: { heartbeatMs?: number; endpoints?: string[] } = {}): GatewayFrame => ({
  case: 'welcome',
  value: {
    epoch: BigInt(epoch),
    sessionId: `s${epoch}`,
    heartbeatMs: 10_000,
    continuity: new Uint8Array([epoch]),
    protocol: 1,
    ...rest,
  },
});

/** Frames of one kind that came on a visit. */
export function framesOf<C extends AgentFrame['case']>(visit: Visit, kind: C): ValueOf<C>[] {
  return visit.frames.filter((given) => given.case === kind).map((given) => given.value as ValueOf<C>);
}

const deadlineMs = 20_000;

export async function startGateway(authority: Authority, port = 0): Promise<TestGateway> {
  const own = await authority.issue(gatewayName);
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 256 * 1024 });
  const watchers = new Set<() => void>();
  const notify = (): void => watchers.forEach((watch) => watch());
  const gateway: TestGateway = {
    endpoint: '',
    visits: [],
    greet: (visit, epoch) => visit.send(welcome(epoch)),
    until: (find) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const found = find();
          if (found === undefined || found === false) return;
          clearTimeout(timer);
          watchers.delete(watch);
          resolve(found);
        };
        const timer = setTimeout(() => {
          watchers.delete(watch);
          reject(
            new Error(
              `not seen in time; last frames: ${gateway.visits
                .at(-1)
                ?.frames.map((given) => given.case)
                .join(' ')}`,
            ),
          );
        }, deadlineMs);
        watchers.add(watch);
        watch();
      }),
    close: () => server.forceShutdown(),
  };
  const link = (call: Call): void => {
    const visit = visitOf(call);
    gateway.visits.push(visit);
    const epoch = gateway.visits.length;
    call.on('data', ({ frame }: LinkRequest) => {
      visit.frames.push(frame);
      if (frame.case === 'hello') gateway.greet(visit, epoch);
      notify();
    });
    const over = (): void => {
      visit.over = true;
      notify();
    };
    call.on('end', () => {
      call.end();
      over();
    });
    call.on('cancelled', over);
    call.on('error', over);
    notify();
  };
  const method = {
    path: `/${AgentLinkService.typeName}/Link`,
    requestStream: true,
    responseStream: true,
    requestDeserialize: (bytes: Buffer) => fromBinary(LinkRequestSchema, bytes),
    requestSerialize: (frame: LinkRequest) => Buffer.from(toBinary(LinkRequestSchema, frame)),
    responseDeserialize: (bytes: Buffer) => fromBinary(LinkResponseSchema, bytes),
    responseSerialize: (frame: LinkResponse) => Buffer.from(toBinary(LinkResponseSchema, frame)),
  };
  server.addService({ link: method }, { link });
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(authority.certificate),
    [{ private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.certificate) }],
    true,
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
    error === null ? resolve(bound) : reject(error),
  );
  const bound = await promise;
  onTestFinished(() => server.forceShutdown());
  return Object.assign(gateway, { endpoint: `127.0.0.1:${bound}` });
}

function visitOf(call: Call): Visit {
  return {
    frames: [],
    over: false,
    send: (frame) => void call.write(create(LinkResponseSchema, { frame })),
    end: (status) => {
      if (status === undefined) call.end();
      else call.emit('error', { code: status, details: 'as the test said' });
    },
    pause: () => void call.pause(),
    resume: () => void call.resume(),
  };
}

import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  AgentCertificateService,
  type RenewCertificateRequest,
  type RenewCertificateResponse,
  type SyncSealingKeyRequest,
  type SyncSealingKeyResponse,
} from '@truffle/api/agent/v1/certificate_service';
import {
  AgentLinkService,
  LinkRequestSchema,
  LinkResponseSchema,
  type LinkRequest,
  type LinkResponse,
} from '@truffle/api/agent/v1/link';
import {
  AgentMetricReportService,
  type ReportMetricsRequest,
  type ReportMetricsResponse,
} from '@truffle/api/agent/v1/metric_report_service';
import {
  AgentUpdateService,
  type CheckUpdateRequest,
  type CheckUpdateResponse,
} from '@truffle/api/agent/v1/update_service';
import { isId } from '@truffle/ids';
import { plainAddress, Problem } from '@truffle/kit';
import { Entrance } from './entrance.ts';
import type { LinkCall } from './outbox.ts';
import type { PeerIdentity } from './standing.ts';

export interface LinkServer {
  readonly port: number;
  /** Ends every connection. */
  close(): void;
}

export interface LinkServerOptions {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly authority: string;
  readonly key: string;
  readonly certificate: string;
  /** @param settled is to be called when the call has its session, or will have none: another connection may come in */
  readonly take: (call: LinkCall, identity: PeerIdentity, settled: () => void) => void;
  /** @throws Problem when the agent's organization does not let it in from where it dialled */
  readonly demandAddress: (identity: PeerIdentity) => Promise<void>;
  /** Answers a request for the agent's next certificate. */
  readonly renew: (identity: PeerIdentity, request: RenewCertificateRequest) => Promise<RenewCertificateResponse>;
  /** Answers what is published as the agent's sealing key. */
  readonly syncSealingKey: (identity: PeerIdentity, request: SyncSealingKeyRequest) => Promise<SyncSealingKeyResponse>;
  /** Takes in what the agent measured. */
  readonly reportMetrics: (identity: PeerIdentity, request: ReportMetricsRequest) => Promise<ReportMetricsResponse>;
  /** Takes in how the agent's update ended, and answers the version that it is to have. */
  readonly checkUpdate: (identity: PeerIdentity, request: CheckUpdateRequest) => Promise<CheckUpdateResponse>;
  /** Milliseconds for a TLS handshake; default 10,000. */
  readonly handshakeMs?: number;
  /** Milliseconds that a connection may have no stream; default 30,000. */
  readonly idleMs?: number;
}

const frameLimit = 256 * 1024;
/** Milliseconds for a TLS handshake, and for a connection without a stream. */
const handshakeMs = 10_000;
const idleMs = 30_000;
/** Streams that one connection may reset at once, and per second after that; an agent opens one and never resets it. */
const resets = { burst: 50, perSecond: 5 } as const;

/** grpc-js with protobuf-es as its codec: one schema everywhere, and half of connect-node's cost per stream. */
const definition = {
  link: {
    path: `/${AgentLinkService.typeName}/${AgentLinkService.method.link.name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message: LinkRequest): Buffer => Buffer.from(toBinary(LinkRequestSchema, message)),
    requestDeserialize: (bytes: Buffer): LinkRequest => fromBinary(LinkRequestSchema, bytes),
    responseSerialize: (message: LinkResponse): Buffer => Buffer.from(toBinary(LinkResponseSchema, message)),
    responseDeserialize: (bytes: Buffer): LinkResponse => fromBinary(LinkResponseSchema, bytes),
  },
} as const;

/** A method of a service beside the stream, with its codec. */
const unary = <I extends DescMessage, O extends DescMessage>(method: {
  parent: { typeName: string };
  name: string;
  input: I;
  output: O;
}) =>
  ({
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: MessageShape<I>): Buffer => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: (bytes: Buffer): MessageShape<I> => fromBinary(method.input, bytes),
    responseSerialize: (message: MessageShape<O>): Buffer => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: (bytes: Buffer): MessageShape<O> => fromBinary(method.output, bytes),
  }) as const;

const unaryDefinition = {
  renew: unary(AgentCertificateService.method.renewCertificate),
  syncSealingKey: unary(AgentCertificateService.method.syncSealingKey),
  reportMetrics: unary(AgentMetricReportService.method.reportMetrics),
  checkUpdate: unary(AgentUpdateService.method.checkUpdate),
} as const;

/** Serves a method for the agent that the certificate names. */
const forAgent =
  <I, O>(
    demandAddress: (identity: PeerIdentity) => Promise<void>,
    serve: (identity: PeerIdentity, request: I) => Promise<O>,
  ) =>
  (call: grpc.ServerUnaryCall<I, O>, answer: grpc.sendUnaryData<O>): void => {
    const identity = identityOf(call);
    if (identity === undefined) return answer(noAgent);
    const answered = async (): Promise<O> => {
      await demandAddress(identity);
      return serve(identity, call.request);
    };
    answered().then(
      (response) => answer(null, response),
      (error: unknown) => answer(statusOf(error)),
    );
  };

/** Serves agents' streams with mutual TLS: who does not show a certificate of an authority does not get through the handshake. */
export async function serveLinks(options: LinkServerOptions): Promise<LinkServer> {
  const server = new grpc.Server({
    'grpc.keepalive_time_ms': 15_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_receive_message_length': frameLimit,
    'grpc.max_send_message_length': frameLimit,
    'grpc.max_concurrent_streams': 4,
    'grpc.max_connection_idle_ms': options.idleMs ?? idleMs,
    // Nobody asks for its statistics, which it keeps for every connection.
    'grpc.enable_channelz': 0,
  });
  server.addService(definition, {
    link: (call: grpc.ServerDuplexStream<LinkRequest, LinkResponse>) => {
      const identity = identityOf(call);
      if (identity === undefined) call.emit('error', noAgent);
      else options.take(call, identity, () => entrance.settled(call.getPeer()));
    },
  });
  server.addService(unaryDefinition, {
    renew: forAgent(options.demandAddress, options.renew),
    syncSealingKey: forAgent(options.demandAddress, options.syncSealingKey),
    reportMetrics: forAgent(options.demandAddress, options.reportMetrics),
    checkUpdate: forAgent(options.demandAddress, options.checkUpdate),
  });
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(options.authority),
    [{ private_key: Buffer.from(options.key), cert_chain: Buffer.from(options.certificate) }],
    true,
  );
  bound(credentials, options.handshakeMs ?? handshakeMs);
  const injector = server.createConnectionInjector(credentials);
  const entrance = new Entrance((socket) => injector.injectConnection(socket));
  const port = await entrance.listen(options.host, options.port);
  const close = (): void => {
    entrance.close();
    // A forced shutdown alone forgets connections of an injector.
    injector.drain(0);
    server.forceShutdown();
  };
  return { port, close };
}

/** AES-GCM and ChaCha20-Poly1305 with a key exchange for each connection alone: what every agent since the first speaks. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
].join(':');

/** grpc-js has no option for these of Node's: they are added to what it takes from its credentials. */
function bound(credentials: grpc.ServerCredentials, handshakeTimeout: number): void {
  const own = credentials._getConstructorOptions();
  const floor = { minVersion: 'TLSv1.2', ciphers, honorCipherOrder: true } as const;
  const more = { ...floor, handshakeTimeout, streamResetBurst: resets.burst, streamResetRate: resets.perSecond };
  credentials._getConstructorOptions = () => ({ ...own, ...more });
}

/** The agent that the certificate names; nothing that a message says counts. */
function identityOf(
  call: Pick<grpc.ServerDuplexStream<LinkRequest, LinkResponse>, 'getAuthContext' | 'getPeer'>,
): PeerIdentity | undefined {
  const certificate = call.getAuthContext()?.sslPeerCertificate;
  const uri = /^URI:truffle:\/\/(org_\w+)\/(agt_\w+)$/.exec(certificate?.subjectaltname ?? '');
  const [, orgId = '', agentId = ''] = uri ?? [];
  if (certificate === undefined || !isId(orgId, 'org') || !isId(agentId, 'agt')) return undefined;
  return {
    orgId,
    agentId,
    certificateSerial: certificate.serialNumber.toUpperCase(),
    certificateEnds: new Date(certificate.valid_to),
    // With the port behind it, and without brackets.
    address: plainAddress(call.getPeer().replace(/:\d+$/, '')),
  };
}

const noAgent = { code: grpc.status.UNAUTHENTICATED, details: 'the certificate names no agent' };

/** Codes of Connect are gRPC's; whatever else is thrown is nothing that an agent is told of. */
const statusOf = (error: unknown): { readonly code: number; readonly details: string } =>
  error instanceof Problem
    ? { code: error.code, details: `${error.reason}: ${error.message}` }
    : { code: grpc.status.UNAVAILABLE, details: 'the gateway cannot reach its database' };

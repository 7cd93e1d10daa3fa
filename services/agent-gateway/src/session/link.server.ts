import { fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  AgentLinkService,
  LinkRequestSchema,
  LinkResponseSchema,
  type LinkRequest,
  type LinkResponse,
} from '@truffle/api/agent/v1/link';
import { isId } from '@truffle/ids';
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
  readonly take: (call: LinkCall, identity: PeerIdentity) => void;
}

const frameLimit = 256 * 1024;

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

/** Serves agents' streams with mutual TLS: who does not show a certificate of the authority does not get through the handshake. */
export async function serveLinks(options: LinkServerOptions): Promise<LinkServer> {
  const server = new grpc.Server({
    'grpc.keepalive_time_ms': 15_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_receive_message_length': frameLimit,
    'grpc.max_send_message_length': frameLimit,
    'grpc.max_concurrent_streams': 4,
  });
  server.addService(definition, {
    link: (call: LinkCall) => {
      const identity = identityOf(call);
      if (identity === undefined)
        call.emit('error', { code: grpc.status.UNAUTHENTICATED, details: 'the certificate names no agent' });
      else options.take(call, identity);
    },
  });
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(options.authority),
    [{ private_key: Buffer.from(options.key), cert_chain: Buffer.from(options.certificate) }],
    true,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${options.host}:${options.port}`, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, close: () => server.forceShutdown() };
}

/** The agent that the certificate names; nothing that a message says counts. */
function identityOf(call: LinkCall): PeerIdentity | undefined {
  const certificate = call.getAuthContext()?.sslPeerCertificate;
  const uri = /^URI:truffle:\/\/(org_\w+)\/(agt_\w+)$/.exec(certificate?.subjectaltname ?? '');
  const [, orgId = '', agentId = ''] = uri ?? [];
  if (certificate === undefined || !isId(orgId, 'org') || !isId(agentId, 'agt')) return undefined;
  return { orgId, agentId, certificateSerial: certificate.serialNumber.toUpperCase() };
}

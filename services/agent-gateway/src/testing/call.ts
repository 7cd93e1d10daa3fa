import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { AgentCertificateService, type RenewCertificateResponse } from '@truffle/api/agent/v1/certificate_service';
import { serverName } from '../authority/authority.ts';
import type { PeerKeys } from './peer.ts';

/** Calls a method beside the stream as an agent does; rejects with gRPC's status. */
export function askPeer<I extends DescMessage, O extends DescMessage>(
  endpoint: string,
  authority: string,
  keys: PeerKeys,
  method: {
    readonly parent: { readonly typeName: string };
    readonly name: string;
    readonly input: I;
    readonly output: O;
  },
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  const client = new grpc.Client(
    endpoint,
    grpc.credentials.createSsl(Buffer.from(authority), Buffer.from(keys.key), Buffer.from(keys.certificate)),
    { 'grpc.ssl_target_name_override': serverName, 'grpc.use_local_subchannel_pool': 1 },
  );
  return new Promise<MessageShape<O>>((resolve, reject) =>
    client.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
      (bytes: Buffer): MessageShape<O> => fromBinary(method.output, bytes),
      create(method.input, request),
      { deadline: Date.now() + 10_000 },
      (error, answer) => (answer === undefined ? reject(error ?? new Error('no answer')) : resolve(answer)),
    ),
  ).finally(() => client.close());
}

/** Asks for the next certificate as an agent does; rejects with gRPC's status. */
export const renewPeer = (
  endpoint: string,
  authority: string,
  keys: PeerKeys,
  csr: Uint8Array,
): Promise<RenewCertificateResponse> =>
  askPeer(endpoint, authority, keys, AgentCertificateService.method.renewCertificate, { csr: new Uint8Array(csr) });

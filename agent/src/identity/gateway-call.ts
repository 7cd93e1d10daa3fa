import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { CertificateRefused } from './keeper.ts';
import type { PairCredentials } from './pair.ts';

const timeoutMs = 15_000;
const refusals: readonly grpc.status[] = [
  grpc.status.UNAUTHENTICATED,
  grpc.status.PERMISSION_DENIED,
  grpc.status.INVALID_ARGUMENT,
  grpc.status.FAILED_PRECONDITION,
];

/** A call beside the link: where it dials too, by mutual TLS, over a connection of its own. Rejects with CertificateRefused when it is not wanted. */
export function callGateway<I extends DescMessage, O extends DescMessage>(
  endpoint: string,
  credentials: PairCredentials,
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
    grpc.credentials.createSsl(
      Buffer.from(credentials.authorities),
      Buffer.from(credentials.key),
      Buffer.from(credentials.certificate),
    ),
    {
      'grpc.ssl_target_name_override': credentials.serverName,
      'grpc.default_authority': credentials.serverName,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
    },
  );
  return new Promise<MessageShape<O>>((resolve, reject) => {
    client.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
      (bytes: Buffer): MessageShape<O> => fromBinary(method.output, bytes),
      create(method.input, request),
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        if (answer !== undefined && error === null) resolve(answer);
        else if (error !== null && refusals.includes(error.code)) reject(new CertificateRefused(error.details));
        else reject(error ?? new Error('no answer came'));
      },
    );
  }).finally(() => client.close());
}

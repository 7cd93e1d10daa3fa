import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  AgentCertificateService,
  RenewCertificateRequestSchema,
  RenewCertificateResponseSchema,
  type RenewCertificateRequest,
  type RenewCertificateResponse,
} from '@truffle/api/agent/v1/certificate_service';
import { CertificateRefused, type KeeperDeps } from './keeper.ts';
import type { Issued, PairCredentials } from './pair.ts';

const path = `/${AgentCertificateService.typeName}/${AgentCertificateService.method.renewCertificate.name}`;
const timeoutMs = 15_000;
const refusals: readonly grpc.status[] = [
  grpc.status.UNAUTHENTICATED,
  grpc.status.PERMISSION_DENIED,
  grpc.status.INVALID_ARGUMENT,
];

/** Renewal where the link dials too, by mutual TLS: each try at the next of the endpoints. */
export function grpcRenewal(endpoints: () => readonly string[]): KeeperDeps['renew'] {
  let turn = 0;
  return (credentials, csr) => {
    const known = endpoints();
    return ask(known[turn++ % Math.max(1, known.length)] ?? '', credentials, csr);
  };
}

function ask(endpoint: string, credentials: PairCredentials, csr: Uint8Array<ArrayBuffer>): Promise<Issued> {
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
  return new Promise<Issued>((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      (message: RenewCertificateRequest) => Buffer.from(toBinary(RenewCertificateRequestSchema, message)),
      (bytes: Buffer): RenewCertificateResponse => fromBinary(RenewCertificateResponseSchema, bytes),
      create(RenewCertificateRequestSchema, { csr }),
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        if (answer !== undefined && error === null) resolve(answer);
        else if (error !== null && refusals.includes(error.code)) reject(new CertificateRefused(error.details));
        else reject(error ?? new Error('no answer came'));
      },
    );
  }).finally(() => client.close());
}

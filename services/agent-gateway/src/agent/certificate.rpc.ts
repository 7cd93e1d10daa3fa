import { create } from '@bufbuild/protobuf';
import {
  RenewCertificateResponseSchema,
  type RenewCertificateRequest,
  type RenewCertificateResponse,
} from '@truffle/api/agent/v1/certificate_service';
import { InvalidProblem, Problem } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';
import { renewCertificate, type CertificateHolder, type CertificateParts } from './certificate.usecases.ts';

/** Renewal as the link's server serves it; that server is no part of the kit, so the bounds are checked here. */
export const certificateRenewal =
  (parts: CertificateParts, logger: Logger) =>
  async (holder: CertificateHolder, request: RenewCertificateRequest): Promise<RenewCertificateResponse> => {
    try {
      if (request.csr.length < 64 || request.csr.length > 8_192)
        throw new InvalidProblem([{ field: 'csr', description: 'is not of 64 to 8192 bytes' }]);
      const certificate = await renewCertificate(parts, holder, request.csr);
      return create(RenewCertificateResponseSchema, { certificate, authorities: parts.authorities.ders });
    } catch (error) {
      if (!(error instanceof Problem))
        logger.warn({ err: error, agentId: holder.agentId }, 'a certificate was not renewed');
      throw error;
    }
  };

import { Code } from '@connectrpc/connect';
import { appendEvent } from '@truffle/database';
import { InvalidProblem, Problem } from '@truffle/kit';
import { CertificateRequestError } from '../authority/authority.ts';
import { hashOf } from '../join-token/join-token.ts';
import type { Tx } from '../tables.ts';
import type { AgentRow } from './agent.repo.ts';
import { holderRefusal, judgeRenewal } from './certificate.ts';
import { adoptNext, lockAgent, storeNext } from './certificate.repo.ts';
import type { EnrollmentParts } from './enrollment.usecases.ts';

export type CertificateParts = Pick<EnrollmentParts, 'database' | 'authorities' | 'certificateMs'>;

/** Who asks: what the shown certificate says. */
export interface CertificateHolder {
  readonly orgId: string;
  readonly agentId: string;
  readonly certificateSerial: string;
}

/** The agent gets no certificate now; the message says why. */
export class RenewalProblem extends Problem {
  override readonly name = 'RenewalProblem';
}

/**
 * The agent's next certificate. Until a session was opened with it both are accepted, and the same request gets the same one: a lost
 * answer costs nothing, and the agent can try the new pair by asking again with it.
 * @throws RenewalProblem, InvalidProblem
 */
export async function renewCertificate(
  parts: CertificateParts,
  holder: CertificateHolder,
  csr: Uint8Array,
): Promise<Buffer> {
  try {
    return await parts.database.tenant(holder.orgId, (tx) => renew(parts, tx, holder, csr));
  } catch (error) {
    if (!(error instanceof CertificateRequestError)) throw error;
    throw new InvalidProblem([{ field: 'csr', description: error.message, reason: error.code }]);
  }
}

/** The agent, when the shown certificate is good for more than a refusal. @throws RenewalProblem */
export function demandHolder<A extends Pick<AgentRow, 'state' | 'certificate_serial' | 'next_serial'>>(
  agent: A | undefined,
  { certificateSerial }: Pick<CertificateHolder, 'certificateSerial'>,
): A {
  const refusal = holderRefusal(agent, certificateSerial);
  if (refusal !== undefined || agent === undefined)
    throw new RenewalProblem(Code.PermissionDenied, refusal?.reason ?? '', refusal?.message ?? '');
  return agent;
}

async function renew(
  parts: CertificateParts,
  tx: Tx,
  { orgId, agentId, certificateSerial }: CertificateHolder,
  csr: Uint8Array,
): Promise<Buffer> {
  const agent = demandHolder(await lockAgent(tx, agentId), { certificateSerial });
  const csrSha256 = hashOf(csr);
  const verdict = judgeRenewal(agent, csrSha256, { now: Date.now(), certificateMs: parts.certificateMs });
  if (verdict === 'again' && agent.next_certificate !== null) return agent.next_certificate;
  if (verdict === 'calm')
    throw new RenewalProblem(Code.ResourceExhausted, 'RENEWED_JUST_NOW', 'the agent was given a certificate just now');
  // Who shows the next one has it safely, though no session was opened with it.
  await adoptNext(tx, agentId, certificateSerial);
  const issued = await parts.authorities.issueAgent(csr, { orgId, agentId }, parts.certificateMs);
  await storeNext(tx, agentId, issued, csrSha256);
  await appendEvent(
    tx,
    { subject: `agent:${agentId}`, requestId: agentId },
    {
      orgId,
      name: 'agent.certificate_renewed',
      resourceId: agentId,
      data: {
        before: { serial: certificateSerial },
        after: { serial: issued.serial, ends: issued.ends.toISOString() },
      },
    },
  );
  return issued.der;
}

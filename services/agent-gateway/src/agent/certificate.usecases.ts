import { Code } from '@connectrpc/connect';
import { appendEvent } from '@truffle/database';
import { InvalidProblem, Problem } from '@truffle/kit';
import { CertificateRequestError } from '../authority/authority.ts';
import { hashOf } from '../join-token/join-token.ts';
import type { Tx } from '../tables.ts';
import type { AgentRow } from './agent.repo.ts';
import { adoptNext, lockAgent, repeated, storeNext } from './certificate.repo.ts';
import type { EnrollmentParts } from './enrollment.usecases.ts';

export type CertificateParts = Pick<EnrollmentParts, 'database' | 'authorities' | 'certificateMs'>;

/** Who asks: what the shown certificate says. */
export interface CertificateHolder {
  readonly orgId: string;
  readonly agentId: string;
  readonly certificateSerial: string;
}

/** Between two certificates of one agent, in milliseconds, at most: an agent that asks in a loop costs no signatures. */
const calmMs = 60_000;
/** Of a certificate's life: short ones are renewed more often. */
const calmShare = 24;

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
  if (agent === undefined || agent.state === 'REVOKED') throw refused('AGENT_REVOKED', 'the agent was revoked');
  if (certificateSerial !== agent.certificate_serial && certificateSerial !== agent.next_serial)
    throw refused('CERTIFICATE_SUPERSEDED', 'a newer certificate was issued to this agent');
  if (agent.state === 'QUARANTINED' || agent.state === 'PENDING_APPROVAL')
    throw refused(agent.state, `the agent is ${agent.state.toLowerCase().replace('_', ' ')}`);
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
  const again = repeated(agent, csrSha256);
  if (again !== undefined) return again;
  const calm = Math.min(calmMs, parts.certificateMs / calmShare);
  if (agent.next_issued_at !== null && Date.now() - agent.next_issued_at.getTime() < calm)
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

const refused = (reason: string, message: string): RenewalProblem =>
  new RenewalProblem(Code.PermissionDenied, reason, message);

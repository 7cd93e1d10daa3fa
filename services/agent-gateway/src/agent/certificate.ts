import type { Holder } from '../session/admission.ts';
import type { AgentStanding } from './agent.ts';

/** What of an agent's row decides about its certificates. */
export interface CertificateStanding {
  readonly state: AgentStanding;
  readonly certificate_serial: string;
  /** Given out, and not known to have arrived: accepted beside the present one. */
  readonly next_serial: string | null;
  readonly next_csr_sha256: Uint8Array | null;
  readonly next_ends: Date | null;
  readonly next_issued_at: Date | null;
  /** When it recovered by its identity key, without a person. */
  readonly recoveries: readonly Date[];
}

/** Between two certificates of one agent, in milliseconds, at most: an agent that asks in a loop costs no signatures. */
const calmMs = 60_000;
/** Of a certificate's life: short ones are renewed more often. */
const calmShare = 24;
const monthMs = 30 * 86_400_000;

/** Why who shows the certificate of that serial gets nothing but this; undefined when it is heard. */
export function holderRefusal(
  agent: Pick<CertificateStanding, 'state' | 'certificate_serial' | 'next_serial'> | undefined,
  serial: string,
): { readonly reason: string; readonly message: string } | undefined {
  if (agent === undefined || agent.state === 'REVOKED')
    return { reason: 'AGENT_REVOKED', message: 'the agent was revoked' };
  if (serial !== agent.certificate_serial && serial !== agent.next_serial)
    return { reason: 'CERTIFICATE_SUPERSEDED', message: 'a newer certificate was issued to this agent' };
  if (agent.state === 'QUARANTINED' || agent.state === 'PENDING_APPROVAL')
    return { reason: agent.state, message: `the agent is ${agent.state.toLowerCase().replace('_', ' ')}` };
  return undefined;
}

/** How much of its life a certificate may have left behind and still be given again: the agent counts from when it comes. */
const staleShare = 8;

/** Whether the same request gets the same certificate again: its answer was lost, and it is as good as new. */
export const isRepeated = (
  agent: Pick<CertificateStanding, 'next_csr_sha256' | 'next_ends' | 'next_issued_at'>,
  csrSha256: Uint8Array,
  { now, certificateMs }: { readonly now: number; readonly certificateMs: number },
): boolean =>
  agent.next_csr_sha256 !== null &&
  Buffer.from(csrSha256).equals(agent.next_csr_sha256) &&
  (agent.next_ends?.getTime() ?? 0) > now &&
  now - (agent.next_issued_at?.getTime() ?? 0) < certificateMs / staleShare;

/** What an accepted holder's request for the next certificate comes to. calm: it was given one just now. */
export function judgeRenewal(
  agent: CertificateStanding,
  csrSha256: Uint8Array,
  at: { readonly now: number; readonly certificateMs: number },
): 'again' | 'calm' | 'issue' {
  if (isRepeated(agent, csrSha256, at)) return 'again';
  const calm = Math.min(calmMs, at.certificateMs / calmShare);
  return agent.next_issued_at !== null && at.now - agent.next_issued_at.getTime() < calm ? 'calm' : 'issue';
}

/** Times that it recovered without a person in the last 30 days. */
export const recentRecoveries = (agent: Pick<CertificateStanding, 'recoveries'>, now: number): number =>
  agent.recoveries.filter((at) => at.getTime() > now - monthMs).length;

/** What the statement of who recovers is about: milliseconds since 1970. */
export interface Asked {
  readonly now: number;
  readonly certificateMs: number;
  /** When the challenge was made: what the statement says of the journal is younger. */
  readonly challengedAt: number;
  /** When a session of the agent was last offered or confirmed. */
  readonly changedAt: number;
  readonly perMonth: number;
}

/** How far the clocks of a gateway and of the database may be apart, in milliseconds. */
const clockMs = 5_000;

/**
 * What a recovery by the right key comes to. conflict: a copy, which is quarantined. limit: a person has to let it. A statement that was
 * long under way, while the agent had another session, says nothing of a copy: it is refused, and the agent asks anew.
 */
export function judgeRecovery(
  agent: CertificateStanding,
  holder: Holder,
  csrSha256: Uint8Array,
  at: Asked,
): 'refuse' | 'conflict' | 'again' | 'limit' | 'issue' {
  if (agent.state === 'REVOKED' || agent.state === 'QUARANTINED' || agent.state === 'PENDING_APPROVAL') return 'refuse';
  if (holder.kind === 'denied') return 'refuse';
  if (holder.kind === 'conflict') return at.changedAt > at.challengedAt - clockMs ? 'refuse' : 'conflict';
  if (isRepeated(agent, csrSha256, at)) return 'again';
  return recentRecoveries(agent, at.now) >= at.perMonth ? 'limit' : 'issue';
}

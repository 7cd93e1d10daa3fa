import { createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import type { RecoverAgentRequest } from '@truffle/api/agent/v1/recovery_service';
import { appendEvent } from '@truffle/database';
import { InvalidProblem, UnauthenticatedProblem, type Caller, type Problem } from '@truffle/kit';
import { recoveryBytes } from '@truffle/sealing';
import { CertificateRequestError } from '../authority/authority.ts';
import { hashOf } from '../join-token/join-token.ts';
import { judgeHolder } from '../session/admission.ts';
import { lockSession } from '../session/session.repo.ts';
import type { Tx } from '../tables.ts';
import { quarantineAgent } from './agent.quarantine.ts';
import { judgeRecovery, recentRecoveries } from './certificate.ts';
import { lockAgent, noteRecoveryRefused, organizationOf, storeNext } from './certificate.repo.ts';
import type { EnrollmentParts } from './enrollment.usecases.ts';

export type RecoveryParts = Pick<
  EnrollmentParts,
  | 'database'
  | 'sweepDatabase'
  | 'authorities'
  | 'certificateMs'
  | 'recoveriesPerMonth'
  | 'demandAddress'
  | 'quarantined'
>;

const challengeMs = 120_000;
const dayMs = 86_400_000;
const challengeLabel = 'truffle/recovery-challenge/v1';
/** An Ed25519 key in SPKI, before its 32 bytes (RFC 8410). */
const spkiHeader = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * What the agent is to sign: its end in milliseconds, and a MAC by which any gateway knows it again. Nothing is stored, so that asking
 * costs nothing; one that is used twice gets the same certificate, for a key that only the agent has.
 */
export function recoveryChallenge(
  parts: Pick<RecoveryParts, 'authorities'>,
  agentId: string,
  now: Date,
): { readonly challenge: Buffer; readonly expiresAt: Date } {
  const expiresAt = new Date(now.getTime() + challengeMs);
  const end = Buffer.alloc(8);
  end.writeBigUInt64BE(BigInt(expiresAt.getTime()));
  return { challenge: Buffer.concat([end, macOf(parts, agentId, end)]), expiresAt };
}

/**
 * A certificate for an agent whose last one has ended: who has its identity key and the token of its last session. Without a person
 * `recoveriesPerMonth` times in 30 days. Right key and wrong token is a copy: that is quarantined as at a handshake.
 * @throws UnauthenticatedProblem, the same for every wrong case; InvalidProblem for a request that is none
 */
export async function recoverAgent(
  parts: RecoveryParts,
  caller: Caller,
  request: RecoverAgentRequest,
): Promise<Buffer> {
  if (!isOurs(parts, request.agentId, request.challenge)) throw refused();
  const found = await parts.sweepDatabase.anywhere((tx) => organizationOf(tx, request.agentId));
  if (found === undefined) throw refused();
  try {
    let conflict: string | undefined;
    const certificate = await parts.database.tenant(found.org_id, (tx) =>
      recover(parts, tx, caller, found.org_id, request, (message) => (conflict = message)),
    );
    if (conflict !== undefined)
      parts.quarantined({ orgId: found.org_id, agentId: request.agentId }, conflictOf(conflict));
    if (certificate === undefined) throw refused();
    return certificate;
  } catch (error) {
    if (!(error instanceof CertificateRequestError)) throw error;
    throw new InvalidProblem([{ field: 'csr', description: error.message, reason: error.code }]);
  }
}

/** Undefined when it is refused: what was noted of that stays. `convicted` is called when that put the agent in quarantine. */
async function recover(
  parts: RecoveryParts,
  tx: Tx,
  caller: Caller,
  orgId: string,
  request: RecoverAgentRequest,
  convicted: (message: string) => void,
): Promise<Buffer | undefined> {
  const { agentId } = request;
  const known = await lockSession(tx, agentId);
  const agent = await lockAgent(tx, agentId);
  if (known === undefined || agent === undefined) return undefined;
  const key = createPublicKey({
    key: Buffer.concat([spkiHeader, agent.identity_public_key]),
    format: 'der',
    type: 'spki',
  });
  if (!verify(null, recoveryBytes(request), key, request.signature)) return undefined;
  // Only who has the key is told so.
  await parts.demandAddress({ orgId, address: caller.address });
  const { incarnation, journalLsn } = request;
  const claim = { incarnation, journalLsn, continuity: Buffer.from(request.continuitySha256).toString('hex') };
  const holder = judgeHolder(known, claim);
  const csrSha256 = hashOf(request.csr);
  const at = {
    now: Date.now(),
    certificateMs: parts.certificateMs,
    challengedAt: endOf(request.challenge) - challengeMs,
    changedAt: known.changedAt,
    perMonth: parts.recoveriesPerMonth,
  };
  const verdict = judgeRecovery(agent, holder, csrSha256, at);
  if (verdict === 'refuse') return undefined;
  if (verdict === 'conflict' && holder.kind === 'conflict') {
    if (await quarantineAgent(tx, { orgId, agentId }, conflictOf(holder.message), claim)) convicted(holder.message);
    return undefined;
  }
  if (verdict === 'again') return agent.next_certificate ?? undefined;
  const author = { subject: `agent:${agentId}`, requestId: caller.requestId, traceparent: caller.traceparent };
  const event = { orgId, resourceId: agentId };
  const recent = recentRecoveries(agent, at.now);
  if (verdict === 'limit') {
    // Said once a day: an agent goes on asking.
    if (agent.recovery_refused_at !== null && agent.recovery_refused_at.getTime() > Date.now() - dayMs)
      return undefined;
    await noteRecoveryRefused(tx, agentId);
    const data = { reason: 'RECOVERY_LIMIT', recoveries: recent, remedy: 'truffle agent release' };
    await appendEvent(tx, author, { ...event, name: 'agent.recovery_refused', data });
    return undefined;
  }
  const issued = await parts.authorities.issueAgent(request.csr, { orgId, agentId }, parts.certificateMs);
  await storeNext(tx, agentId, issued, csrSha256, { recovered: true });
  const data = { after: { serial: issued.serial, ends: issued.ends.toISOString() }, recoveries: recent + 1 };
  await appendEvent(tx, author, { ...event, name: 'agent.recovered', data });
  return issued.der;
}

const conflictOf = (message: string) => ({ reason: 'IDENTITY_CONFLICT', message });

const macOf = ({ authorities }: Pick<RecoveryParts, 'authorities'>, agentId: string, end: Uint8Array): Buffer =>
  authorities.mac(challengeLabel, Buffer.concat([end, Buffer.from(agentId)]));

/** When a challenge ends, in milliseconds since 1970. */
const endOf = (challenge: Uint8Array): number => Number(Buffer.from(challenge.subarray(0, 8)).readBigUInt64BE());

function isOurs(parts: RecoveryParts, agentId: string, challenge: Uint8Array): boolean {
  if (challenge.length !== 40) return false;
  const end = Buffer.from(challenge.subarray(0, 8));
  return timingSafeEqual(macOf(parts, agentId, end), challenge.subarray(8)) && endOf(challenge) > Date.now();
}

/** One answer for every agent and signature that is no good: nothing is learned by trying. */
const refused = (): Problem =>
  new UnauthenticatedProblem(
    'RECOVERY_REFUSED',
    'the agent may not recover by itself; see `truffle agent get`, then release it or enrol it anew with a join token',
  );

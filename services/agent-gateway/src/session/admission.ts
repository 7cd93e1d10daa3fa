import type { AgentStanding } from '../agent/agent.ts';

/** Protocol versions that this gateway speaks; the contract tells their history. */
export const protocol = { min: 1, max: 1 } as const;

/** What the database knows of the agent that says Hello. */
export interface KnownSession {
  readonly standing: AgentStanding;
  readonly certificateSerial: string;
  readonly incarnation: string | null;
  readonly journalLsn: bigint;
  /** SHA-256 of the token that must be presented, in hex; null before the first session. */
  readonly continuity: string | null;
  /** SHA-256 of the token that was offered and whose arrival nobody confirmed. */
  readonly continuityNext: string | null;
  /** A session of the agent is open at a gateway whose lease is in force. */
  readonly live: boolean;
}

/** What the agent says of itself. */
export interface Claim {
  readonly certificateSerial: string;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly incarnation: string;
  readonly journalLsn: bigint;
  /** SHA-256 of the token presented, in hex; empty for none. */
  readonly continuity: string;
}

export type RefusalReason =
  | 'AGENT_REVOKED'
  | 'CERTIFICATE_SUPERSEDED'
  | 'PROTOCOL_UNSUPPORTED'
  | 'QUARANTINED'
  | 'IDENTITY_CONFLICT'
  | 'MALFORMED_HELLO';

export type Admission =
  | { readonly kind: 'admit'; readonly protocol: number; readonly sameIncarnation: boolean }
  /** `quarantine`: the identity is in conflict, and no work may go to either of its holders. */
  | { readonly kind: 'refuse'; readonly reason: RefusalReason; readonly message: string; readonly quarantine: boolean };

/** Decides whether a Hello becomes a session. */
export function admit(known: KnownSession, claim: Claim): Admission {
  if (known.standing === 'REVOKED')
    return refuse('AGENT_REVOKED', 'this agent was revoked; enrol it anew with a new join token');
  if (claim.certificateSerial !== known.certificateSerial)
    return refuse('CERTIFICATE_SUPERSEDED', 'a newer certificate was issued to this agent; use that one or enrol anew');
  const version = Math.min(protocol.max, claim.protocolMax);
  if (version < protocol.min || version < claim.protocolMin)
    return refuse(
      'PROTOCOL_UNSUPPORTED',
      `the gateway speaks protocol ${protocol.min} to ${protocol.max}; install an agent that does`,
    );
  if (known.standing === 'QUARANTINED')
    return refuse('QUARANTINED', 'the identity of this agent is in conflict; revoke it and enrol it anew');
  if (!/^[0-9a-f-]{36}$/.test(claim.incarnation) || claim.journalLsn < 0n)
    return refuse('MALFORMED_HELLO', 'the Hello carries no incarnation');
  if (known.incarnation === claim.incarnation) return sameIncarnation(known, claim, version);
  if (known.incarnation !== null && known.live) return conflict('another installation with this identity is connected');
  if (claim.continuity !== '') return conflict('a new installation presents the token of an old one');
  return { kind: 'admit', protocol: version, sameIncarnation: false };
}

function sameIncarnation(known: KnownSession, claim: Claim, version: number): Admission {
  if (claim.journalLsn < known.journalLsn)
    return conflict('the journal is older than the one that was last seen: it was restored or cloned');
  // Two-phase: the offered token may be on the agent's disk though its Ready never came, and then the old one is not.
  const good =
    claim.continuity === (known.continuity ?? '') ||
    (claim.continuity !== '' && claim.continuity === known.continuityNext);
  if (!good) return conflict('the continuity token is not the last one: a copy of this agent has been connected');
  return { kind: 'admit', protocol: version, sameIncarnation: true };
}

const refuse = (reason: RefusalReason, message: string): Admission => ({
  kind: 'refuse',
  reason,
  message,
  quarantine: false,
});
const conflict = (message: string): Admission => ({
  kind: 'refuse',
  reason: 'IDENTITY_CONFLICT',
  message,
  quarantine: true,
});

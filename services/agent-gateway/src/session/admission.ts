import { holderFingerprint } from '@truffle/sealing';
import type { AgentStanding } from '../agent/agent.ts';

/** Protocol versions, lowest and highest. */
export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

/** The newest version; `link.proto` tells the history of every one. */
const newestProtocol = 1;
/** What this gateway speaks: the newest version and the two before it, as far as there are any. */
export const protocol: ProtocolRange = { min: Math.max(1, newestProtocol - 2), max: newestProtocol };

/** The highest version that both speak; undefined when there is none, or when `theirs` is no range. */
export function negotiate(ours: ProtocolRange, theirs: ProtocolRange): number | undefined {
  const version = Math.min(ours.max, theirs.max);
  return theirs.min >= 1 && version >= ours.min && version >= theirs.min ? version : undefined;
}

/** What the database knows of the agent that says Hello. */
export interface KnownSession {
  readonly standing: AgentStanding;
  /** Of the certificates that are accepted: the present one, and the next one while no session was opened with it. */
  readonly certificateSerials: readonly string[];
  readonly incarnation: string | null;
  readonly journalLsn: bigint;
  /** SHA-256 of the token that must be presented, in hex; null before the first session. */
  readonly continuity: string | null;
  /** SHA-256 of each token that was offered since and whose arrival nobody confirmed, one after the other; newest last. */
  readonly continuityNext: string | null;
  /** A session of the agent is open at a gateway whose lease is in force. */
  readonly live: boolean;
  /** When a session of it was last offered or confirmed, in milliseconds since 1970. */
  readonly changedAt: number;
  /** Fingerprints of holders that a person did not choose when the agent was released. */
  readonly denied: readonly string[];
}

/** What a holder of the identity says of its journal. */
export interface HolderClaim {
  readonly incarnation: string;
  readonly journalLsn: bigint;
  /** SHA-256 of the token presented, in hex; empty for none. */
  readonly continuity: string;
}

/** What the agent says of itself. */
export interface Claim extends HolderClaim {
  readonly certificateSerial: string;
  readonly protocolMin: number;
  readonly protocolMax: number;
}

export type RefusalReason =
  | 'AGENT_REVOKED'
  | 'CERTIFICATE_SUPERSEDED'
  | 'PROTOCOL_UNSUPPORTED'
  | 'QUARANTINED'
  | 'APPROVAL_PENDING'
  | 'NOT_CHOSEN'
  | 'IDENTITY_CONFLICT'
  | 'MALFORMED_HELLO';

export type Admission =
  | { readonly kind: 'admit'; readonly protocol: number; readonly sameIncarnation: boolean }
  /** `quarantine`: the identity is in conflict. No work may go to either of its holders, once this one has proved that it is alive. */
  | {
      readonly kind: 'refuse';
      readonly reason: RefusalReason;
      readonly message: string;
      readonly quarantine: boolean;
      readonly retryAfterMs: number;
    };

/** How long an agent that waits for approval lets pass between two looks. */
const approvalMs = 10_000;

/** Decides whether a Hello becomes a session. `speaks` is what the gateway speaks. */
export function admit(known: KnownSession, claim: Claim, speaks: ProtocolRange = protocol): Admission {
  if (known.standing === 'REVOKED')
    return refuse('AGENT_REVOKED', 'this agent was revoked; enrol it anew with a new join token');
  if (!known.certificateSerials.includes(claim.certificateSerial))
    return refuse('CERTIFICATE_SUPERSEDED', 'a newer certificate was issued to this agent; use that one or enrol anew');
  const version = negotiate(speaks, { min: claim.protocolMin, max: claim.protocolMax });
  if (version === undefined)
    return refuse(
      'PROTOCOL_UNSUPPORTED',
      `the gateway speaks protocol ${speaks.min} to ${speaks.max}; install an agent that does`,
    );
  if (known.standing === 'QUARANTINED') return refuse('QUARANTINED', quarantineRemedy);
  if (known.standing === 'PENDING_APPROVAL')
    return refuse('APPROVAL_PENDING', 'this agent waits for approval: truffle agent approve', approvalMs);
  if (!/^[0-9a-f-]{36}$/.test(claim.incarnation) || claim.journalLsn < 0n)
    return refuse('MALFORMED_HELLO', 'the Hello carries no incarnation');
  const holder = judgeHolder(known, claim);
  switch (holder.kind) {
    case 'same':
      return { kind: 'admit', protocol: version, sameIncarnation: true };
    case 'fresh':
      return { kind: 'admit', protocol: version, sameIncarnation: false };
    case 'denied':
      return refuse('NOT_CHOSEN', 'another holder of this identity was chosen; truffle-agent reset, and enrol anew');
    case 'conflict':
      return {
        kind: 'refuse',
        reason: 'IDENTITY_CONFLICT',
        message: holder.message,
        quarantine: true,
        retryAfterMs: 0,
      };
  }
}

/** What a quarantined agent is told. */
export const quarantineRemedy =
  'this agent is in quarantine: `truffle agent get` says why and what ends it; compare with `truffle-agent status`, then `truffle agent release` or enrol it anew';

/** same: it goes on. fresh: a new installation. denied: a person chose another one. conflict: two have the identity, or a journal went back. */
export type Holder =
  | { readonly kind: 'same' | 'fresh' | 'denied' }
  | { readonly kind: 'conflict'; readonly message: string };

/** Judges whether who says to be the agent is the one that was last seen. */
export function judgeHolder(known: KnownSession, claim: HolderClaim): Holder {
  if (known.denied.includes(fingerprintOf(claim.incarnation, claim.continuity))) return { kind: 'denied' };
  if (known.incarnation === claim.incarnation) return sameIncarnation(known, claim);
  if (known.incarnation !== null && known.live) return conflict('another installation with this identity is connected');
  // Without an incarnation: before the first session, or after a person chose this one.
  const expected = known.incarnation === null ? (known.continuity ?? '') : '';
  if (claim.continuity !== expected) return conflict('a new installation presents the token of an old one');
  return { kind: 'fresh' };
}

/** The holder's fingerprint, from the token's SHA-256 in hex; empty for no token. */
export const fingerprintOf = (incarnation: string, continuity: string): string =>
  holderFingerprint(incarnation, Buffer.from(continuity, 'hex'));

function sameIncarnation(known: KnownSession, claim: HolderClaim): Holder {
  if (claim.journalLsn < known.journalLsn)
    return conflict('the journal is older than the one that was last seen: it was restored or cloned');
  // Two-phase: an offered token may be on the agent's disk though its Ready never came, and then the old one is not. It need not be the
  // newest: a Hello that was long under way may have been answered after it.
  const good =
    claim.continuity === (known.continuity ?? '') ||
    (claim.continuity !== '' && wasOffered(known.continuityNext, claim.continuity));
  if (!good) return conflict('the continuity token is not the last one: a copy of this agent has been connected');
  return { kind: 'same' };
}

/** Whether the token (its SHA-256, in hex) is among those offered since the last one that was confirmed. */
export const wasOffered = (offered: string | null, token: string): boolean =>
  offered?.match(/.{64}/g)?.includes(token) ?? false;

const refuse = (reason: RefusalReason, message: string, retryAfterMs = 0): Admission => ({
  kind: 'refuse',
  reason,
  message,
  quarantine: false,
  retryAfterMs,
});
const conflict = (message: string): Holder => ({ kind: 'conflict', message });

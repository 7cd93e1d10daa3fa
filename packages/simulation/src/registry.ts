import {
  holderRefusal,
  judgeRecovery,
  judgeRenewal,
  type CertificateStanding,
} from '../../../services/agent-gateway/src/agent/certificate.ts';
import { choose, holdersOf } from '../../../services/agent-gateway/src/agent/holder.ts';
import {
  judgeHolder,
  type HolderClaim,
  type KnownSession,
} from '../../../services/agent-gateway/src/session/admission.ts';
import type { AgentRow, Tables } from './database.ts';
import { encoded, sha256, type Certificate } from './identity.ts';

/** How long the world's certificates are good, and how the authority sees time. */
export interface Authority {
  readonly certificateMs: number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** A number that was never given before. */
  readonly fresh: () => number;
}

/** What is answered to who asks for a certificate. */
export type Answer =
  | { readonly kind: 'issued'; readonly certificate: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'later' };

const perMonth = 1;

/** A certificate from now on, good from a little before. */
export function issue({ certificateMs, wall, fresh }: Authority): Certificate {
  const from = wall() - certificateMs / 24;
  return { serial: `serial ${fresh()}`, from, ends: from + certificateMs };
}

const standingOf = (row: AgentRow): CertificateStanding => ({
  state: row.standing,
  certificate_serial: row.certificateSerial,
  next_serial: row.next?.serial ?? null,
  next_csr_sha256: row.next?.requestSha256 ?? null,
  next_ends: row.next === undefined ? null : new Date(row.next.ends),
  next_issued_at: row.issuedAt === undefined ? null : new Date(row.issuedAt),
  recoveries: row.recoveries.map((at) => new Date(at)),
});

/** The row once a session was opened with the next certificate, or it was shown. */
export function adopted(row: AgentRow, serial: string): AgentRow {
  if (row.next?.serial !== serial) return row;
  return { ...row, certificateSerial: serial, next: undefined };
}

/** What is known of an agent's sessions, as `admit` judges by it. */
export function knownSession(tables: Tables, agentId: string, now: number): KnownSession | undefined {
  const [agent, session] = [tables.agent(agentId), tables.session(agentId)];
  if (agent === undefined || session === undefined) return undefined;
  return {
    ...session,
    standing: agent.standing,
    certificateSerials: [agent.certificateSerial, ...(agent.next === undefined ? [] : [agent.next.serial])],
    live: session.open && tables.lease(session.gatewayId) > now,
  };
}

function give(tables: Tables, authority: Authority, agentId: string, row: AgentRow, request: Uint8Array): Answer {
  const made = issue(authority);
  const certificate = encoded(made);
  const next = { serial: made.serial, ends: made.ends, requestSha256: sha256(request), certificate };
  tables.putAgent(agentId, { ...row, next, issuedAt: authority.wall() });
  return { kind: 'issued', certificate };
}

/** The body of the transaction that renews. */
export function renew(
  tables: Tables,
  authority: Authority,
  holder: { readonly agentId: string; readonly serial: string },
  request: Uint8Array,
): Answer {
  const { agentId, serial } = holder;
  const row = tables.agent(agentId);
  const refusal = holderRefusal(row === undefined ? undefined : standingOf(row), serial);
  if (row === undefined || refusal !== undefined) return { kind: 'refused', reason: refusal?.reason ?? '' };
  const at = { now: authority.wall(), certificateMs: authority.certificateMs };
  const verdict = judgeRenewal(standingOf(row), sha256(request), at);
  if (verdict === 'calm') return { kind: 'later' };
  if (verdict === 'again' && row.next !== undefined) return { kind: 'issued', certificate: row.next.certificate };
  return give(tables, authority, agentId, adopted(row, serial), request);
}

/** The body of the transaction that recovers. */
export function recover(
  tables: Tables,
  authority: Authority,
  now: number,
  asked: {
    readonly agentId: string;
    readonly claim: HolderClaim;
    readonly challengedAt: number;
    readonly request: Uint8Array;
  },
): Answer {
  const { agentId, claim, request } = asked;
  const [row, known] = [tables.agent(agentId), knownSession(tables, agentId, now)];
  const refused: Answer = { kind: 'refused', reason: 'RECOVERY_REFUSED' };
  if (row === undefined || known === undefined) return refused;
  const holder = judgeHolder(known, claim);
  const { certificateMs } = authority;
  const at = {
    now: authority.wall(),
    certificateMs,
    challengedAt: asked.challengedAt,
    changedAt: known.changedAt,
    perMonth,
  };
  const verdict = judgeRecovery(standingOf(row), holder, sha256(request), at);
  switch (verdict) {
    case 'conflict':
      quarantine(tables, agentId, holder.kind === 'conflict' ? holder.message : '', claim);
      return refused;
    case 'again':
      return row.next === undefined ? refused : { kind: 'issued', certificate: row.next.certificate };
    case 'limit':
      tables.putAgent(agentId, { ...row, recoveryRefused: true });
      return refused;
    case 'issue':
      tables.note('agent.recovered', agentId);
      return give(tables, authority, agentId, { ...row, recoveries: [...row.recoveries, at.now] }, request);
    case 'refuse':
      return refused;
  }
}

/** Puts the agent in quarantine, unless it is there. */
export function quarantine(tables: Tables, agentId: string, message: string, other: HolderClaim | undefined): void {
  const row = tables.agent(agentId);
  if (row === undefined || row.standing === 'QUARANTINED') return;
  tables.putAgent(agentId, { ...row, standing: 'QUARANTINED', other });
  tables.note(`agent.quarantined: ${message}`, agentId);
}

/** A person lets the holder with that fingerprint go on, or the agent recover once more; undefined when no holder has it. */
export function release(
  tables: Tables,
  agentId: string,
  fingerprint: string,
): { readonly denied: readonly string[] } | undefined {
  const [row, session] = [tables.agent(agentId), tables.session(agentId)];
  if (row === undefined || session === undefined) return undefined;
  const free = { ...row, recoveries: [], recoveryRefused: false };
  if (row.standing !== 'QUARANTINED') {
    tables.putAgent(agentId, free);
    return { denied: [] };
  }
  const recorded = { ...session, offered: session.continuityNext?.match(/.{64}/g) ?? [] };
  const choice = choose(holdersOf(recorded, row.other), fingerprint);
  if (choice === undefined) return undefined;
  tables.putSession(agentId, {
    ...session,
    denied: [...choice.denied, ...session.denied].slice(0, 32),
    epoch: session.epoch + 1,
    open: false,
    ...(choice.anew
      ? { incarnation: null, journalLsn: 0n, continuity: row.other?.continuity || null, continuityNext: null }
      : {}),
  });
  tables.putAgent(agentId, { ...free, standing: 'OFFLINE', other: undefined });
  tables.note('agent.released', agentId);
  return choice;
}

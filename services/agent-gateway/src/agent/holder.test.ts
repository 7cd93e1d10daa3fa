import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../session/admission.ts';
import { tickSession } from '../session/session-tick.ts';
import { judgeRecovery } from './certificate.ts';
import { choose, holdersOf } from './holder.ts';

const incarnation = '00000000-0000-4000-8000-000000000001';
const [last, old] = ['11'.repeat(32), '22'.repeat(32)];
const recorded = { incarnation, journalLsn: 9n, continuity: last, offered: [] };

describe('the choice of a holder', () => {
  it('denies every other one', () => {
    const holders = holdersOf(recorded, { incarnation, journalLsn: 9n, continuity: old });
    const [original, copy] = [fingerprintOf(incarnation, last), fingerprintOf(incarnation, old)];
    expect(choose(holders, original)).toEqual({ denied: [copy], anew: false });
    expect(choose(holders, copy)).toEqual({ denied: [original], anew: true });
    expect(choose(holders, '0123456789ab')).toBeUndefined();
  });

  it('begins anew with a journal that went back under its last token', () => {
    const holders = holdersOf(recorded, { incarnation, journalLsn: 4n, continuity: last });
    expect(choose(holders, fingerprintOf(incarnation, last))).toEqual({ denied: [], anew: true });
  });
});

describe('a recovery by the identity key', () => {
  const agent = {
    state: 'OFFLINE',
    certificate_serial: 'a',
    next_serial: null,
    next_csr_sha256: null,
    next_ends: null,
    next_issued_at: null,
    recoveries: [],
  } as const;
  const dayMs = 86_400_000;

  it('is not for a holder that was not chosen', () => {
    const at = { now: 100_000, certificateMs: 1_000, challengedAt: 90_000, changedAt: 0, perMonth: 1 };
    const verdict = (kind: 'same' | 'denied') => judgeRecovery(agent, { kind }, new Uint8Array(32), at);
    expect([verdict('same'), verdict('denied')]).toEqual(['issue', 'refuse']);
  });

  it('wants a person for the second one in 30 days', () => {
    const now = 100 * dayMs;
    const at = { now, certificateMs: dayMs, challengedAt: now - 1_000, changedAt: 0, perMonth: 1 };
    const after = (days: number) =>
      judgeRecovery({ ...agent, recoveries: [new Date(now - days * dayMs)] }, { kind: 'same' }, new Uint8Array(32), at);
    expect([after(29), after(31)]).toEqual(['limit', 'issue']);
  });
});

it('a session ends with its certificate', () => {
  const seen: string[] = [];
  const identity = {
    orgId: 'org',
    agentId: 'agt',
    certificateSerial: 'a',
    certificateEnds: new Date(1_000),
    address: '127.0.0.1',
  };
  const session = {
    identity,
    input: (input: { readonly kind: string; readonly reason?: string }) => void seen.push(input.reason ?? input.kind),
  };
  tickSession(session, 999);
  tickSession(session, 1_000);
  expect(seen).toEqual(['tick', 'CERTIFICATE_ENDED']);
});

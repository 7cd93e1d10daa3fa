import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { admit, fingerprintOf, judgeHolder, negotiate, protocol, type Claim, type KnownSession } from './admission.ts';

const incarnation = randomUUID() as string;
const token = (byte: number): string => Buffer.alloc(32, byte).toString('hex');
const known: KnownSession = {
  standing: 'OFFLINE',
  certificateSerials: ['AA'],
  incarnation,
  journalLsn: 10n,
  continuity: token(1),
  continuityNext: null,
  live: false,
  changedAt: 0,
  denied: [],
};
const claim: Claim = {
  certificateSerial: 'AA',
  protocolMin: 1,
  protocolMax: 1,
  incarnation,
  journalLsn: 10n,
  continuity: token(1),
};

describe('protocol versions', () => {
  it('are the highest that both speak', () => {
    const ours = { min: 3, max: 5 };
    const cases: readonly (readonly [number, number, number | undefined])[] = [
      [1, 2, undefined],
      [1, 3, 3],
      [3, 3, 3],
      [4, 4, 4],
      [4, 9, 5],
      [5, 5, 5],
      [6, 9, undefined],
      [5, 4, undefined],
      [0, 5, undefined],
      [-3, 5, undefined],
    ];
    for (const [min, max, version] of cases)
      expect([min, max, negotiate(ours, { min, max })]).toEqual([min, max, version]);
  });

  it('are the newest and the two before it', () => {
    expect(protocol.min).toBe(Math.max(1, protocol.max - 2));
    for (let version = protocol.min; version <= protocol.max; version++)
      expect(negotiate(protocol, { min: version, max: version })).toBe(version);
  });

  it('decide a Hello before anything about its journal does', () => {
    const speaks = { min: 2, max: 4 };
    expect(admit(known, { ...claim, protocolMin: 1, protocolMax: 3 }, speaks)).toMatchObject({
      kind: 'admit',
      protocol: 3,
    });
    expect(admit(known, { ...claim, continuity: token(9) }, speaks)).toMatchObject({
      kind: 'refuse',
      reason: 'PROTOCOL_UNSUPPORTED',
      quarantine: false,
    });
  });
});

describe('a certificate', () => {
  it('is the present one or the next one', () => {
    const both = { ...known, certificateSerials: ['AA', 'BB'] };
    for (const certificateSerial of ['AA', 'BB'])
      expect(admit(both, { ...claim, certificateSerial })).toMatchObject({ kind: 'admit', sameIncarnation: true });
    expect(admit(both, { ...claim, certificateSerial: 'CC' })).toMatchObject({ reason: 'CERTIFICATE_SUPERSEDED' });
  });
});

describe('who says to be the agent', () => {
  it('goes on with the last token, or with the offered one', () => {
    expect(judgeHolder(known, claim)).toEqual({ kind: 'same' });
    expect(judgeHolder({ ...known, continuityNext: token(2) }, { ...claim, continuity: token(2) })).toEqual({
      kind: 'same',
    });
    expect(judgeHolder(known, { ...claim, continuity: token(2) }).kind).toBe('conflict');
    expect(judgeHolder(known, { ...claim, journalLsn: 9n }).kind).toBe('conflict');
  });

  it('may be a new installation while no other is connected', () => {
    const other = { ...claim, incarnation: randomUUID() as string, continuity: '', journalLsn: 1n };
    expect(judgeHolder(known, other)).toEqual({ kind: 'fresh' });
    expect(judgeHolder({ ...known, live: true }, other).kind).toBe('conflict');
    expect(judgeHolder(known, { ...other, continuity: token(1) }).kind).toBe('conflict');
  });

  it('begins anew where a person chose it, and is refused without a new quarantine where not', () => {
    const chosen = { ...known, incarnation: null, continuity: token(3), journalLsn: 0n };
    expect(judgeHolder(chosen, { ...claim, continuity: token(3), journalLsn: 2n })).toEqual({ kind: 'fresh' });
    expect(judgeHolder(chosen, claim).kind).toBe('conflict');
    const denied = { ...chosen, denied: [fingerprintOf(incarnation, token(1))] };
    expect(admit(denied, claim)).toMatchObject({ reason: 'NOT_CHOSEN', quarantine: false });
  });
});

it('takes each token that was offered since the last confirmed one, and nothing that lies across two', () => {
  const offered = { ...known, continuityNext: token(2) + token(3) };
  for (const byte of [1, 2, 3]) expect(judgeHolder(offered, { ...claim, continuity: token(byte) }).kind).toBe('same');
  const across = token(2).slice(32) + token(3).slice(0, 32);
  for (const continuity of ['', token(4), across])
    expect(judgeHolder(offered, { ...claim, continuity }).kind).toBe('conflict');
});

import { describe, expect, it } from 'vitest';
import { advance, type Circumstances, type Fact } from './advance.ts';
import { runGraceMs, type Command, type CommandState } from './command.ts';

const nothing = new Uint8Array();
const accepted: Fact = { kind: 'accepted', payloadSha256: 'aa' };
const fine: Circumstances = { now: 500, mayBegin: true, incarnation: 'i1', resourceBusy: false };

const command = (state: CommandState, over: Partial<Command> = {}): Command => ({
  id: 'cmd',
  agentId: 'agt',
  resourceKey: 'pve:a/1',
  needsPermit: true,
  payloadSha256: 'aa',
  startBy: 1_000,
  runTimeoutMs: 2_000,
  state,
  permitNo: state === 'RUNNING' || state === 'UNKNOWN' ? 1 : 0,
  cancelRequested: false,
  incarnation: 'i1',
  startedAt: null,
  endedAt: null,
  runUntil: state === 'RUNNING' ? 9_000 : null,
  effect: 'UNSPECIFIED',
  failure: null,
  output: null,
  resultSha256: null,
  lateResult: null,
  ...over,
});

/** The state that follows and the words that go with it. */
const told = (before: Command, fact: Fact, at: Partial<Circumstances> = {}): string => {
  const step = advance(before, fact, { ...fine, ...at });
  return [step.command.state, ...step.words.map((word) => word.kind)].join(' ');
};
const again = (held: 'nothing' | 'accepted' | 'running' | 'ended'): Fact => ({
  kind: 'reconnected',
  held,
  sameIncarnation: true,
});

describe('a permit', () => {
  it('is given once, with the time that the run has', () => {
    const step = advance(command('DISPATCHED'), accepted, fine);
    expect(step.command).toMatchObject({ state: 'RUNNING', permitNo: 1, runUntil: 500 + 2_000 + runGraceMs });
    expect(step.words).toEqual([{ kind: 'permit', permitNo: 1 }]);
  });

  it.each<[string, Partial<Command>, Partial<Circumstances>]>([
    ['that was called off', { cancelRequested: true }, {}],
    ['whose time to begin is over', {}, { now: 1_000 }],
    ['by a session or a lease that is no longer in force', {}, { mayBegin: false }],
    ['whose resource is busy', {}, { resourceBusy: true }],
  ])('is not given to a command %s', (_what, over, at) => {
    expect(told(command('DISPATCHED', over), accepted, at)).toBe('ACCEPTED');
    expect(told(command('ACCEPTED', over), { kind: 'permit' }, at)).toBe('ACCEPTED');
  });

  it('is said again, the same one, to the incarnation that has it', () => {
    const running = command('RUNNING');
    expect(advance(running, accepted, fine).words).toEqual([{ kind: 'permit', permitNo: 1 }]);
    expect(advance(running, { kind: 'permit' }, fine).words).toEqual([{ kind: 'permit', permitNo: 1 }]);
    expect(told(running, accepted, { incarnation: 'i2' })).toBe('RUNNING');
    expect(told(running, { kind: 'permit' }, { incarnation: 'i2' })).toBe('RUNNING');
    expect(told(running, again('accepted'), { mayBegin: false })).toBe('RUNNING permit');
    expect(told(running, again('accepted'), { incarnation: 'i2' })).toBe('RUNNING');
  });
});

describe('a session that ends or begins', () => {
  it('puts back what was only sent', () => {
    expect(told(command('DISPATCHED'), { kind: 'sessionLost' })).toBe('QUEUED');
    expect(told(command('ACCEPTED'), { kind: 'sessionLost' })).toBe('ACCEPTED');
    expect(told(command('RUNNING'), { kind: 'sessionLost' })).toBe('RUNNING');
  });

  it('sends what was permitted and is not in the journal once more, with its permit', () => {
    expect(told(command('RUNNING'), again('nothing'))).toBe('RUNNING send permit');
    expect(told(command('UNKNOWN'), again('nothing'))).toBe('UNKNOWN');
    expect(told(command('UNKNOWN'), again('running'))).toBe('RUNNING');
  });

  it('without the journal frees what had not begun, and gives up on what had', () => {
    const lost: Fact = { kind: 'reconnected', held: 'nothing', sameIncarnation: false };
    expect(told(command('ACCEPTED'), lost)).toBe('QUEUED');
    expect(told(command('RUNNING'), lost)).toBe('UNKNOWN');
    expect(told(command('RUNNING', { needsPermit: false, permitNo: 0 }), lost)).toBe('QUEUED');
  });
});

describe('an end', () => {
  it.each<[CommandState, string]>([
    ['QUEUED', 'CANCELLED cancel'],
    ['ACCEPTED', 'CANCELLED cancel'],
    ['RUNNING', 'RUNNING cancel'],
    ['UNKNOWN', 'UNKNOWN cancel'],
    ['SUCCEEDED', 'SUCCEEDED'],
  ])('by a cancel of %s: %s', (state, expected) => {
    expect(told(command(state), { kind: 'cancel', failure: nothing })).toBe(expected);
  });

  it('comes when its time to begin, or to be heard of, is over, and not before', () => {
    const expire: Fact = { kind: 'expire', failure: nothing };
    expect(told(command('ACCEPTED'), expire, { now: 999 })).toBe('ACCEPTED');
    expect(told(command('ACCEPTED'), expire, { now: 1_000 })).toBe('EXPIRED cancel');
    expect(told(command('RUNNING'), expire, { now: 8_999 })).toBe('RUNNING');
    expect(told(command('RUNNING'), expire, { now: 9_000 })).toBe('UNKNOWN');
  });
});

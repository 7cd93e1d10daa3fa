import { describe, expect, test } from 'vitest';
import { judge, newKeeping, pace, type Keeping, type Seen } from './keeping.ts';

const stopped: Seen = { state: 'stopped' };
const at = (now: number, startsInAll = 0) => ({ now, random: 1, startsInAll });

describe('a server that is to run', () => {
  test('is started when it is found stopped, then later and later', () => {
    let keeping: Keeping = newKeeping;
    const waits: number[] = [];
    for (let now = 0; waits.length < 7;) {
      const { after, act } = judge(keeping, stopped, at(now));
      expect(act).toBe(now === 0 || waits.length > 0 ? 'start' : act);
      waits.push((after.nextAt - now) / 60_000);
      // Each start long ago, so that only the back-off is looked at.
      keeping = { ...after, starts: [] };
      expect(judge(keeping, stopped, at(after.nextAt - 1)).act).toBe('nothing');
      now = after.nextAt;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  test('begins anew once it stayed up', () => {
    const { after } = judge({ ...newKeeping, failures: 3 }, stopped, at(0));
    expect(judge(after, { state: 'running' }, at(after.nextAt - 1)).after.failures).toBe(4);
    expect(judge(after, { state: 'running' }, at(after.nextAt)).after.failures).toBe(0);
  });

  test('is left, and that is noted once, after three starts in an hour', () => {
    const tired: Keeping = { failures: 3, nextAt: 0, starts: [1, 2, 3], left: '' };
    const first = judge(tired, stopped, at(1000));
    expect(first).toMatchObject({ act: 'note', why: expect.stringContaining('does not stay up') });
    expect(judge(first.after, stopped, at(2000)).act).toBe('nothing');
    expect(judge(first.after, stopped, at(pace.hourMs + 3)).act).toBe('start');
  });

  test('is left when many others were started too', () => {
    expect(judge(newKeeping, stopped, at(0, pace.startsInAll - 1)).act).toBe('start');
    expect(judge(newKeeping, stopped, at(0, pace.startsInAll)).act).toBe('note');
  });

  test('is left where hands are to be off, each reason noted once', () => {
    const locked: Seen = { state: 'hands off', why: 'locked: backup' };
    const first = judge(newKeeping, locked, at(0));
    expect(first).toMatchObject({ act: 'note', why: 'locked: backup' });
    expect(judge(first.after, locked, at(1)).act).toBe('nothing');
    expect(judge(first.after, { state: 'hands off', why: 'gone' }, at(1)).act).toBe('note');
    expect(judge(first.after, stopped, at(1)).act).toBe('start');
  });
});

import { describe, expect, test } from 'vitest';
import { type Finding, judgeHealth, newRemedying, type Remedying, remedyPace } from './remedying.ts';

const sick: Finding = { state: 'unhealthy', wrong: 'port 80 is shut', hold: '', graceMs: 60_000 };
const at = (now: number, inAll = 0) => ({ now, random: 1, inAll });
const minute = 60_000;

describe('an unhealthy server', () => {
  test('is remedied, then again after its grace time and a longer back-off, three times in a row', () => {
    let state = newRemedying;
    const waits: number[] = [];
    let now = 1_000_000_000;
    for (;;) {
      const { after, act } = judgeHealth(state, sick, at(now));
      if (act !== 'remedy') break;
      waits.push((after.nextAt - now) / minute);
      expect(judgeHealth(after, sick, at(after.nextAt - 1)).act).toBe('nothing');
      // Each long ago, so that only the number in a row is looked at.
      state = { ...after, at: [] };
      now = after.nextAt;
    }
    expect(waits).toEqual([2, 3, 5]);
    const left = judgeHealth(state, sick, at(now));
    expect(left).toMatchObject({ act: 'leave', why: expect.stringContaining('3 times and did not help') });
    expect(judgeHealth(left.after, sick, at(now + 24 * 60 * minute)).act).toBe('nothing');
    expect(judgeHealth(left.after, { state: 'healthy' }, at(now + minute))).toMatchObject({
      act: 'healthy',
      after: { tries: 0, left: '', noted: false },
    });
  });

  test('that is well again for a moment only does not begin anew', () => {
    const { after } = judgeHealth(newRemedying, sick, at(0));
    const well = judgeHealth(after, { state: 'healthy' }, at(after.nextAt - 1));
    expect(well).toMatchObject({ act: 'healthy', after: { tries: 1 } });
    expect(judgeHealth(well.after, { state: 'healthy' }, at(after.nextAt)).after.tries).toBe(0);
  });

  test('that was remedied three times within an hour is left for a while, though it helped each time', () => {
    const flapping: Remedying = { ...newRemedying, at: [1, 2, 3] };
    expect(judgeHealth(flapping, sick, at(minute))).toMatchObject({
      act: 'leave',
      why: expect.stringContaining('hour'),
    });
    expect(judgeHealth(flapping, sick, at(remedyPace.hourMs + 3)).act).toBe('remedy');
  });

  test('is left when many others were remedied, and where hands are to be off; each reason is told once', () => {
    expect(judgeHealth(newRemedying, sick, at(0, remedyPace.inAll))).toMatchObject({ act: 'leave' });
    const held = judgeHealth(newRemedying, { ...sick, hold: 'locked' }, at(0));
    expect(held).toMatchObject({ act: 'leave', why: 'port 80 is shut; locked' });
    expect(judgeHealth(held.after, { ...sick, hold: 'locked' }, at(1)).act).toBe('nothing');
    expect(judgeHealth(held.after, sick, at(1)).act).toBe('remedy');
  });

  test('is not forgotten by a clock that is set back', () => {
    const { after } = judgeHealth(newRemedying, sick, at(100 * remedyPace.hourMs));
    expect(judgeHealth(after, sick, at(0)).after.nextAt).toBeLessThan(2 * remedyPace.hourMs);
  });
});

import { describe, expect, test } from 'vitest';
import { RefusalCounter } from './audit.counter.ts';

const refusal = (subject: string, reason = 'PERMISSION_DENIED') => ({
  orgId: 'org_a',
  author: { subject, address: '192.0.2.7', requestId: 'req_12345678' },
  resourceId: 'clu_1',
  method: 'test.Things/Get',
  permission: 'thing.get',
  reason,
});

describe('a flood of refusals', () => {
  test('becomes one record at once and one with the count of the rest', () => {
    const counter = new RefusalCounter(60_000);
    for (let i = 0; i < 1_000; i++) counter.count(refusal('user:ada'), i);
    expect(counter.due(1_000, false)).toMatchObject([{ count: 1, since: 0, until: 0 }]);
    expect(counter.due(30_000, false)).toEqual([]);
    expect(counter.due(60_000, false)).toMatchObject([{ count: 999, since: 0, until: 999 }]);
    counter.count(refusal('user:ada'), 61_000);
    expect(counter.due(61_000, false)).toMatchObject([{ count: 1 }]);
  });

  test('keeps actors, addresses and reasons apart', () => {
    const counter = new RefusalCounter(60_000);
    counter.count(refusal('user:ada'), 0);
    counter.count(refusal('user:bob'), 0);
    counter.count(refusal('user:bob', 'RATE_LIMITED'), 0);
    expect(counter.due(0, false)).toHaveLength(3);
  });

  test('from ever new actors is bounded, and every one is counted', () => {
    const counter = new RefusalCounter(60_000);
    for (let i = 0; i < 5_000; i++) counter.count(refusal(`user:${i}`), i);
    const records = [...counter.due(5_000, false), ...counter.due(70_000, false)];
    expect(records.length).toBeLessThan(60);
    expect(records.reduce((sum, each) => sum + each.count, 0)).toBe(5_000);
    expect(records.filter((each) => each.method === '*').reduce((sum, each) => sum + each.count, 0)).toBe(4_950);
  });
});

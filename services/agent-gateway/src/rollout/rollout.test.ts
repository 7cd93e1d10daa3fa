import { expect, test } from 'vitest';
import { isChosen, isTooBad, wantedVersion, type RolloutStanding } from './rollout.ts';

const agents = Array.from({ length: 2_000 }, (_, i) => `agt_${i}`);
const active: RolloutStanding = { version: '1.2.0', percent: 100, state: 'ACTIVE', failureLimitPercent: 10 };
const agent = { orgId: 'org_1', agentId: 'agt_1', has: '1.1.0' };

test('a share is about as large as it says, and a larger one holds the smaller', () => {
  const chosen = (percent: number): string[] => agents.filter((id) => isChosen('org_1', id, percent));
  expect(chosen(0)).toEqual([]);
  expect(chosen(100)).toEqual(agents);
  expect(chosen(10).length).toBeGreaterThan(140);
  expect(chosen(10).length).toBeLessThan(260);
  expect(chosen(50)).toEqual(expect.arrayContaining(chosen(10)));
  // Not the same ones in each organization, or the same customers were first each time.
  expect(agents.filter((id) => isChosen('org_2', id, 10))).not.toEqual(chosen(10));
});

test('an agent gets a newer version of a rollout that goes on, and never an older one', () => {
  expect(wantedVersion(active, agent)).toBe('1.2.0');
  expect(wantedVersion(undefined, agent)).toBe('');
  for (const state of ['PAUSED', 'HALTED'] as const) expect(wantedVersion({ ...active, state }, agent)).toBe('');
  expect(wantedVersion({ ...active, percent: 0 }, agent)).toBe('');
  for (const has of ['1.2.0', '1.2.1', '1.10.0', '2.0.0', 'unknown', ''])
    expect(wantedVersion(active, { ...agent, has })).toBe('');
  for (const has of ['1.2.0-rc.1', '0.9.9', '1.1.99']) expect(wantedVersion(active, { ...agent, has })).toBe('1.2.0');
});

test('one agent that goes back says nothing of the version, and a share that is too large stops it', () => {
  expect(isTooBad({ updated: 0, rolledBack: 1 }, 10)).toBe(false);
  expect(isTooBad({ updated: 0, rolledBack: 2 }, 10)).toBe(true);
  expect(isTooBad({ updated: 18, rolledBack: 2 }, 10)).toBe(true);
  expect(isTooBad({ updated: 19, rolledBack: 2 }, 10)).toBe(false);
  expect(isTooBad({ updated: 0, rolledBack: 0 }, 10)).toBe(false);
});

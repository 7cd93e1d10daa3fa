import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { parsePolicy } from '../policy/policy.read.ts';
import { updateAllowed } from '../policy/update.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import type { Ending, UpdateRecord } from './record.ts';
import { Updater, type UpdaterDeps } from './updater.ts';

const ending: Ending = {
  from: '1.0.0',
  to: '2.0.0',
  outcome: 'rolled back',
  reason: 'it was not ready',
  at: '2026-11-28T10:00:00Z',
};

/** An agent of version 1.0.0 whose control plane wants 2.0.0. */
function agent(over: Partial<UpdaterDeps> = {}) {
  const clock = new VirtualClock();
  const told: (Ending | undefined)[] = [];
  const brought: string[] = [];
  const asked: string[] = [];
  const deps: UpdaterDeps = {
    version: '1.0.0',
    connected: () => true,
    ask: (last) => {
      told.push(last);
      return Promise.resolve('2.0.0');
    },
    record: (): UpdateRecord => ({ bad: [] }),
    underWay: () => false,
    allowed: () => updateAllowed({ kind: 'none', policy: parsePolicy('exec: on', 'policy.yaml') }),
    bring: (version) => Promise.resolve(void brought.push(version)),
    idle: () => true,
    askRoot: (version) => void asked.push(version),
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    ...over,
  };
  const updater = new Updater(deps);
  updater.start();
  return { clock, told, brought, asked, updater };
}

const policy = (text: string) => ({
  allowed: () => updateAllowed({ kind: 'in force', policy: parsePolicy(text, 'policy.yaml') }),
});

describe('an agent that is to be another version', () => {
  test('brings it and asks root for it', async () => {
    const { clock, brought, asked, updater } = agent();
    await clock.pass(700_000, () => asked.length > 0);
    expect([brought, asked]).toEqual([['2.0.0'], ['2.0.0']]);
    await updater.stop();
  });

  test('waits until no command is at work', async () => {
    let busy = true;
    const { clock, brought, asked, updater } = agent({ idle: () => !busy });
    await clock.pass(2_000_000);
    expect([brought, asked]).toEqual([['2.0.0'], []]);
    busy = false;
    await clock.pass(10_000);
    expect(asked).toEqual(['2.0.0']);
    await updater.stop();
  });

  test('stays where the site says so: off, another version kept, or outside of its windows', async () => {
    for (const text of ['update: off', 'update: 1.5.0']) {
      const { clock, brought, updater } = agent(policy(text));
      await clock.pass(3_000_000);
      expect(brought, text).toEqual([]);
      await updater.stop();
    }
    const kept = agent(policy('update: 2.0.0'));
    await kept.clock.pass(700_000, () => kept.asked.length > 0);
    expect(kept.asked).toEqual(['2.0.0']);
    const hour = new Date(new VirtualClock().wall()).getUTCHours();
    const span = (from: number): string =>
      `windows: { timeZone: UTC, allow: [{ from: "${String(from).padStart(2, '0')}:00", to: "${String((from + 1) % 24).padStart(2, '0')}:00" }] }`;
    const closed = agent(policy(span((hour + 3) % 24)));
    await closed.clock.pass(3_000_000);
    expect([closed.brought, closed.asked]).toEqual([['2.0.0'], []]);
    await closed.clock.pass(3 * 3_600_000, () => closed.asked.length > 0);
    expect(closed.asked).toEqual(['2.0.0']);
    await Promise.all([kept.updater.stop(), closed.updater.stop()]);
    expect(updateAllowed({ kind: 'broken', problem: 'x' }).objection('2.0.0')).toBeDefined();
    expect(() => parsePolicy('update: latest', 'policy.yaml')).toThrow('on, off, or a version');
  });

  test('does not try again what was taken out, and tells how that ended', async () => {
    const { clock, told, brought, updater } = agent({
      record: () => ({ last: ending, bad: [{ version: '2.0.0', reason: 'it was not ready', at: ending.at }] }),
    });
    await clock.pass(10_000, () => told.length > 0);
    expect(told[0]).toEqual(ending);
    expect(brought).toEqual([]);
    await updater.stop();
  });

  test('asks nothing without a session, tries again less and less often, and leaves at once', async () => {
    const away = agent({ connected: () => false });
    await away.clock.pass(3_000_000);
    expect(away.told).toEqual([]);
    await away.updater.stop();
    const trying = agent({ underWay: () => true });
    await trying.clock.pass(3_000_000);
    expect(trying.told).toEqual([]);
    await trying.updater.stop();
    let tries = 0;
    const failing = agent({ bring: () => Promise.reject(new Error(`try ${++tries}`)) });
    await failing.clock.pass(24 * 3_600_000);
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(80);
    await failing.updater.stop();
    const busy = agent({ idle: () => false });
    await busy.clock.pass(700_000, () => busy.brought.length > 0);
    await busy.updater.stop();
    expect(busy.asked).toEqual([]);
  });
});

import { expect, test } from 'vitest';
import { simulate } from './schedule.ts';

const first = Number(process.env['TRUFFLE_SIMULATION_SEED'] ?? 1);
const runs = Number(process.env['TRUFFLE_SIMULATION_RUNS'] ?? 250);

test('whatever fails, a command takes effect at most once, with a permit, and its end becomes known', async () => {
  let faults = 0;
  for (let seed = first; seed < first + runs; seed++) {
    const report = await simulate(seed);
    for (const count of report.faults.values()) faults += count;
    expect(report.violations, `TRUFFLE_SIMULATION_SEED=${seed} TRUFFLE_SIMULATION_RUNS=1 runs it again`).toEqual([]);
    expect(report.commands).toBeGreaterThan(0);
  }
  expect(faults).toBeGreaterThan(runs * 10);
}, 600_000);

test.each([
  [500702, 'an agent whose clock jumped ahead is refused its recovery'],
  [602107, 'nothing is issued for longer than a certificate lasts'],
  [175, 'the holder that was chosen is gone, and the other one was denied'],
  [559, 'a session goes on after its gateway could not renew its lease'],
  [801264, 'a pair that was stored is tried only after an outage'],
])('seed %d: %s', async (seed) => {
  expect((await simulate(seed)).violations).toEqual([]);
});

test('a seed gives the same run each time', async () => {
  const [once, again] = [await simulate(7), await simulate(7)];
  expect([...again.faults]).toEqual([...once.faults]);
  expect([...again.ends]).toEqual([...once.ends]);
});

/**
 * Agents and gateways under schedules of faults, for as long as asked: how many faults there were, of which kinds, and what they broke.
 * Ends with 1 at the first violation, whose seed it prints. Usage: node bench/simulation.ts [--minutes 10] [--seed 1]
 */
import { parseArgs } from 'node:util';
import { simulate } from '../packages/simulation/src/schedule.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const begun = performance.now();
const until = begun + Number(values.minutes) * 60_000;
const faults = new Map<string, number>();
const ends = new Map<string, number>();
let [seed, commands, broken] = [Number(values.seed), 0, false];

const add = (sums: Map<string, number>, counts: ReadonlyMap<string, number>): void => {
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
};

while (performance.now() < until && !broken) {
  const report = await simulate(seed);
  add(faults, report.faults);
  add(ends, report.ends);
  commands += report.commands;
  broken = report.violations.length > 0;
  if (broken) console.log(`seed ${seed}: ${report.violations.join('; ')}`);
  else seed++;
}

const total = [...faults.values()].reduce((sum, count) => sum + count, 0);
const seconds = (performance.now() - begun) / 1000;
console.log(
  `${seed - Number(values.seed)} runs, ${commands} commands, ${total} faults in ${seconds.toFixed(0)} s: ${(total / seconds).toFixed(0)} faults/s`,
);
for (const counts of [faults, ends]) console.log([...counts].map(([name, count]) => `${name} ${count}`).join(' · '));
process.exit(broken ? 1 : 0);

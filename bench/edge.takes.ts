/**
 * What it costs a call to be counted: a row in PostgreSQL for each, or a bucket of this process whose spending the others are told of.
 * Run: node bench/edge.takes.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngines } from '@truffle/local';
import pg from 'pg';
import { Buckets } from '../packages/kit/src/bucket.ts';
import { median, percentile } from './quantile.ts';
import { noise } from './stack.ts';

const calls = 3_000;
const atOnce = 8;
const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const engines = await startEngines({ stateDir, quiet: true });
const pool = new pg.Pool({ connectionString: engines.databaseUrl, max: atOnce });
await pool.query('create unlogged table taken (name text, at bigint, n int not null, primary key (name, at))');

/** Milliseconds of each take. `tenants` is how many names share the calls: with one, all wait for the same row. */
async function inDatabase(tenants: number): Promise<number[]> {
  const took: number[] = [];
  const one = async (i: number): Promise<void> => {
    const began = performance.now();
    const text =
      'insert into taken values ($1, $2, 1) on conflict (name, at) do update set n = taken.n + 1 returning n';
    await pool.query({ name: 'take', text, values: [`t${i % tenants}`, 1] });
    took.push(performance.now() - began);
  };
  for (let i = 0; i < calls; i += atOnce) await Promise.all(Array.from({ length: atOnce }, (_, k) => one(i + k)));
  return took;
}

/** The mean of a take in milliseconds, with what there is to tell every 200 ms. */
function inProcess(tenants: number): number {
  const buckets = new Buckets(() => performance.now());
  const budget = { calls: 600, seconds: 10 };
  const n = 300_000;
  const began = performance.now();
  for (let i = 0; i < n; i++) {
    const name = `t${i % tenants}`;
    if (buckets.level(name, budget).oneInMs === 0) buckets.spend(name, budget);
    if (i % 10_000 === 0) JSON.stringify(buckets.untold());
  }
  return (performance.now() - began) / n;
}

console.log('| tenants | PostgreSQL p50 | p99 | in process, mean | ratio |\n|---|---|---|---|---|');
for (const tenants of [1, 100]) {
  await inDatabase(tenants);
  const took = await inDatabase(tenants);
  const own = median(Array.from({ length: 5 }, () => inProcess(tenants)));
  const [p50, p99] = [percentile(took, 0.5), percentile(took, 0.99)];
  console.log(
    `| ${tenants} | ${p50.toFixed(2)} ms | ${p99.toFixed(2)} ms | ${(own * 1_000).toFixed(2)} µs | ${Math.round(p50 / own)}x |`,
  );
}
console.log(`\nnoise ${noise()}`);
await pool.end();
await engines.stop();
rmSync(stateDir, { recursive: true, force: true });

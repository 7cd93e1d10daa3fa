/**
 * One tenant at 20 times what its plan lets it call, and what that does to another's p99. The whole product as `npm start` runs it, on the plan
 * `trial`; windows without and with the heavy tenant, one after the other.
 * Run: node bench/edge.ts --rounds 5 --seconds 20 --percent 100
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient } from '@truffle/api';
import { run, type Load, type Seen } from './edge.load.ts';
import { median, percentile } from './quantile.ts';
import { cpuSeconds, noise, startStack } from './stack.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '20' },
    percent: { type: 'string', default: '100' },
  },
});
const [rounds, seconds, percent] = [Number(values.rounds), Number(values.seconds), Number(values.percent)];
/** Reads in a second that the trial's plan lets through. */
const limit = (60 * percent) / 100;
/** How long the heavy tenant calls before what it does to the other is measured. */
const settleSeconds = 4;
const lightPerSecond = Math.min(20, limit / 2);

const stack = await startStack({ env: { TRUFFLE_DEFAULT_PLAN: 'trial', TRUFFLE_RATE_PERCENT: String(percent) } });
const { url } = stack.info;
const anybody = createTruffleClient(createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));

async function tenant(name: string): Promise<Pick<Load, 'url' | 'token' | 'orgId'>> {
  const password = 'correct horse battery';
  const made = await anybody.accounts.signUp({ email: `${name}@example.com`, password, orgName: name });
  return { url, token: made.sessionToken, orgId: made.organization?.id ?? '' };
}

const inThread = (load: Load): Promise<Seen> =>
  new Promise((done, failed) => {
    const worker = new Worker(new URL('edge.load.ts', import.meta.url), { workerData: load });
    worker.once('message', (seen) => {
      done(seen as Seen);
      void worker.terminate();
    });
    worker.once('error', failed);
  });

/** The flood is one only when the plan bounds it. */
async function demandPlan({ token, orgId }: Load): Promise<void> {
  const read = () => fetch(`${url}/v1/organizations/${orgId}`, { headers: { authorization: `Bearer ${token}` } });
  for (const until = performance.now() + 20_000; ;) {
    const policy = (await read()).headers.get('ratelimit-policy') ?? '';
    if (policy.includes(`"tenant";q=${limit * 2};w=2`)) return console.log(`limits: ${policy}`);
    if (performance.now() > until) throw new Error(`the plan sets no limit: ${policy}`);
  }
}

const [light, heavy] = [await tenant('light'), await tenant('heavy')];
const lightly = { ...light, perSecond: lightPerSecond, seconds };
await run({ ...lightly, seconds: 3 });
await demandPlan({ ...heavy, perSecond: 0, seconds: 0 });
const alone: number[] = [];
const beside: number[] = [];
const begun: number[] = [];
const ratios: number[] = [];
const refused: number[] = [];
const p99 = (seen: Seen): number => percentile(seen['200'] ?? [], 0.99);
for (let round = 0; round < rounds; round++) {
  const quiet = await run(lightly);
  const cpuBefore = cpuSeconds(stack.pids('all-in-one'));
  const flood = inThread({ ...heavy, perSecond: 20 * limit, seconds: seconds + settleSeconds + 1 });
  // The budget of two seconds goes through at once in the beginning: that is no flood yet, and is told apart.
  const first = await run({ ...lightly, seconds: settleSeconds });
  const loud = await run(lightly);
  const flooded = await flood;
  const all = Object.values(flooded).flat().length;
  const cpuEach = ((cpuSeconds(stack.pids('all-in-one')) - cpuBefore) * 1_000) / all;
  alone.push(p99(quiet));
  beside.push(p99(loud));
  begun.push(p99(first));
  ratios.push(p99(loud) / p99(quiet));
  refused.push((flooded['429']?.length ?? 0) / all);
  const told = Object.entries(flooded).map(([status, calls]) => `${status}: ${calls.length}`);
  const lost = Object.keys(loud).filter((status) => status !== '200');
  console.log(
    `round ${round + 1}: p99 ${p99(quiet).toFixed(1)} ms alone, ${p99(loud).toFixed(1)} ms beside; ${cpuEach.toFixed(2)} ms CPU for each heavy call; heavy ${told.join(', ')}${lost.length === 0 ? '' : `; light also ${lost.join(', ')}`}`,
  );
}
await stack.stop();
console.log(`
| what | median of ${rounds} |
|---|---|
| light tenant's p99 alone (${lightPerSecond}/s) | ${median(alone).toFixed(1)} ms |
| beside one at 20 times its limit (${20 * limit}/s offered, limit ${limit}/s) | ${median(beside).toFixed(1)} ms |
| the same in the first ${settleSeconds} s, while its first two seconds' budget goes through at once | ${median(begun).toFixed(1)} ms |
| ratio in one round | **${median(ratios).toFixed(2)}x** (${ratios.map((r) => r.toFixed(2)).join(', ')}) |
| of the heavy tenant's calls refused | ${(median(refused) * 100).toFixed(1)} % |

noise ${noise()}`);

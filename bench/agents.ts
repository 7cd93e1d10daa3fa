/**
 * Many agents on one gateway process with mutual TLS, beside as many bare grpc-js streams in the same run: memory for each, CPU at rest,
 * transactions at rest, how soon all are back when the server was killed and started again, how soon silent agents are shown as OFFLINE,
 * and what one that does not read costs.
 * Usage: node bench/agents.ts [--agents 1000] [--shares 2] [--seconds 60] [--per-second 150] [--only gateway|bare]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Cast, Look } from './agents.client.ts';
import { makeWorld, type Serving, type World } from './agents.world.ts';
import { percentile } from './quantile.ts';
import { fineCpuSeconds, noise, residentMib, treeCpuSeconds } from './stack.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '1000' },
    shares: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '60' },
    'per-second': { type: 'string', default: '150' },
    only: { type: 'string', default: '' },
  },
});
const [agents, shares, seconds, perSecond] = [values.agents, values.shares, values.seconds, values['per-second']].map(
  Number,
) as [number, number, number, number];
/** How long all may take to be back before the rest counts as hung. */
const patienceMs = 180_000;

const folder = mkdtempSync(join(tmpdir(), 'truffle-bench-agents-'));

/** The processes that play agents. */
class Company {
  readonly #children: ChildProcess[];

  constructor(casts: readonly Cast[]) {
    this.#children = casts.map((cast, at) => {
      const file = join(folder, `cast-${at}.json`);
      writeFileSync(file, JSON.stringify(cast), { mode: 0o600 });
      return fork(join(import.meta.dirname, 'agents.client.ts'), [file]);
    });
  }

  get pids(): readonly number[] {
    return this.#children.map((child) => child.pid ?? 0);
  }

  async tell(word: object): Promise<readonly Look[]> {
    return Promise.all(
      this.#children.map(
        (child) =>
          new Promise<Look>((done) => {
            child.once('message', (look) => done(look as Look));
            child.send(word);
          }),
      ),
    );
  }

  async look(what: 'count' | 'look' = 'look'): Promise<Look> {
    const looks = await this.tell({ do: what });
    const lost: Record<string, number> = {};
    for (const look of looks) for (const [why, n] of Object.entries(look.lost)) lost[why] = (lost[why] ?? 0) + n;
    return {
      ready: looks.reduce((sum, look) => sum + look.ready, 0),
      beats: looks.reduce((sum, look) => sum + look.beats, 0),
      back: looks.flatMap((look) => look.back),
      lost,
    };
  }

  /** Milliseconds until `count` are ready; undefined when that does not come to pass in time. */
  async untilReady(count: number): Promise<number | undefined> {
    const began = performance.now();
    while ((await this.look('count')).ready < count) {
      if (performance.now() - began > patienceMs) return undefined;
      await delay(250);
    }
    return performance.now() - began;
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const gone = new Promise((done) => child.once('exit', done));
        child.kill('SIGKILL');
        await gone;
      }),
    );
  }
}

interface Rest {
  readonly kibEach: number;
  readonly cpu: number;
  readonly transactions: number;
  readonly beats: number;
}

const transactions = async (world: World): Promise<number> => {
  // What the sessions counted is told to the view once a second at most.
  await delay(1_500);
  const { rows } = await world.admin.query<{ n: string }>(
    `select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()`,
  );
  return Number(rows[0]?.n);
};

async function atRest(world: World, serving: Serving, company: Company, emptyMib: number): Promise<Rest> {
  const [before, beatsBefore, cpuBefore] = [
    await transactions(world),
    (await company.look()).beats,
    fineCpuSeconds(serving.pid),
  ];
  const began = performance.now();
  await delay(seconds * 1000);
  const took = (performance.now() - began) / 1000;
  const cpu = (100 * (fineCpuSeconds(serving.pid) - cpuBefore)) / took;
  const mib = residentMib(serving.pid);
  return {
    kibEach: ((mib - emptyMib) * 1024) / agents,
    cpu,
    transactions: (await transactions(world)) - before,
    beats: (await company.look()).beats - beatsBefore,
  };
}

/** Kills the server, starts it again, and tells when which share was back. */
async function storm(
  world: World,
  company: Company,
  serving: Serving,
  start: () => Promise<Serving>,
): Promise<Serving> {
  await company.tell({ do: 'mark' });
  await serving.kill();
  const began = performance.now();
  const next = await start();
  const started = performance.now() - began;
  const spent = () => ({
    server: fineCpuSeconds(next.pid),
    agents: company.pids.reduce((sum, pid) => sum + fineCpuSeconds(pid), 0),
    database: treeCpuSeconds(world.databasePid),
  });
  const before = spent();
  const all = await company.untilReady(agents);
  const after = spent();
  const each = (who: keyof typeof after): string => `${(((after[who] - before[who]) * 1000) / agents).toFixed(2)} ms`;
  const { ready, back, lost } = await company.look();
  const at = (share: number): string =>
    back.length < share * agents ? 'never' : `${(percentile(back, share) / 1000).toFixed(1)} s`;
  console.log(
    `  back after a kill: half ${at(0.5)}, 99 % ${at(0.99)}, all ${all === undefined ? `never (${agents - ready} missing)` : at(0.99999)}; the process was up after ${(started / 1000).toFixed(1)} s`,
  );
  console.log(`  CPU for each: server ${each('server')}, agents ${each('agents')}, database ${each('database')}`);
  console.log(`  streams lost on the way: ${JSON.stringify(lost)}`);
  await delay(15_000);
  const later = (await company.look()).ready;
  console.log(`  15 s later ${later} of ${agents} are ready; server ${residentMib(next.pid).toFixed(0)} MiB`);
  return next;
}

async function offlineAfter(world: World, company: Company): Promise<void> {
  const stopped = company.pids[0] ?? 0;
  const offline = async (): Promise<number> => {
    const { rows } = await world.admin.query<{ n: string }>(
      `select count(*) as n from agent_gateway.agent where state = 'OFFLINE'`,
    );
    return Number(rows[0]?.n);
  };
  const silent = Math.ceil(agents / shares);
  const before = await offline();
  process.kill(stopped, 'SIGSTOP');
  const began = performance.now();
  const marks = new Map<string, number>();
  while (performance.now() - began < 120_000) {
    const n = (await offline()) - before;
    const took = (performance.now() - began) / 1000;
    if (n > 0 && !marks.has('first')) marks.set('first', took);
    if (n >= silent / 2 && !marks.has('half')) marks.set('half', took);
    if (n >= silent) {
      marks.set('last', took);
      break;
    }
    await delay(100);
  }
  process.kill(stopped, 'SIGCONT');
  const told = ['first', 'half', 'last'].map((which) => `${which} ${marks.get(which)?.toFixed(1) ?? 'never'} s`);
  console.log(`  ${silent} fell silent at once (SIGSTOP); shown as OFFLINE: ${told.join(', ')}`);
}

async function measure(name: string, world: World, bare: boolean): Promise<Rest> {
  const start = () => (bare ? world.startBare() : world.startGateway());
  let serving = await start();
  const company = new Company(world.casts(bare, shares));
  try {
    await delay(3_000);
    const empty = residentMib(serving.pid);
    await company.tell({ do: 'start', perSecond: perSecond / shares });
    const took = await company.untilReady(agents);
    console.log(
      `${name}: ${agents} ready ${took === undefined ? 'never' : `in ${(took / 1000).toFixed(1)} s`} at ${perSecond} a second; empty ${empty.toFixed(0)} MiB`,
    );
    await delay(20_000);
    const rest = await atRest(world, serving, company, empty);
    console.log(
      `  at rest: ${rest.kibEach.toFixed(0)} KiB each, ${rest.cpu.toFixed(1)} % CPU; ${rest.beats} heartbeats heard and ${rest.transactions} transactions in ${seconds} s`,
    );
    serving = await storm(world, company, serving, start);
    if (!bare) await offlineAfter(world, company);
    return rest;
  } finally {
    await company.end();
    await serving.kill();
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
console.log(`noise of the machine: ${noise()}`);
const began = performance.now();
const world = await makeWorld(folder, agents);
console.log(`${agents} agents enrolled in ${((performance.now() - began) / 1000).toFixed(1)} s`);
try {
  const bare = values.only === 'gateway' ? undefined : await measure('bare grpc-js', world, true);
  const gateway = values.only === 'bare' ? undefined : await measure('gateway', world, false);
  if (bare !== undefined && gateway !== undefined)
    console.log(
      `gateway beside bare: memory ${(gateway.kibEach / bare.kibEach).toFixed(2)}x, CPU ${(gateway.cpu / bare.cpu).toFixed(2)}x`,
    );
} finally {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Spike (c): from an event's commit to 1,000 watchers, with NATS there and wiped in the middle; and what the relay numbers and publishes
 * per second from a backlog. Watchers are the hub's, in this process: what a stream costs on top is in the streams' own bench.
 * Run: node bench/event-relay.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { appendEvent, contextKeyOf, Database, migrate, type LedgerTables, type ServiceRole } from '@truffle/database';
import { newId } from '@truffle/ids';
import { bells, connectBell, ensureInstallation } from '@truffle/kit';
import { startEngines } from '@truffle/local';
import { createLogger } from '@truffle/telemetry';
import { EventHub } from '../services/tenant/src/event/hub.ts';
import { Relay } from '../services/tenant/src/event/relay.ts';

const watchers = 1_000;
const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const natsDir = mkdtempSync(join(tmpdir(), 'truffle-bench-nats-'));
const engines = await startEngines({ stateDir, quiet: true });
const natsEnv = {
  ...process.env,
  TRUFFLE_DATABASE_URL: engines.databaseUrl,
  TRUFFLE_TEMPORAL_ADDRESS: engines.temporalAddress,
  TRUFFLE_TEMPORAL_NAMESPACE: engines.temporalNamespace,
};
let nats = await startEngines({ stateDir: natsDir, quiet: true, env: natsEnv });
const installation = ensureInstallation(join(stateDir, 'installation'));
await migrate({
  adminUrl: engines.databaseUrl,
  passwords: installation.databasePasswords,
  contextMaster: installation.contextMaster,
  services: [],
});
const logger = createLogger('bench', 'silent');
const bell = await connectBell(nats.natsUrl, 'bench', logger);
const open = (role: ServiceRole): Database<LedgerTables> =>
  new Database({
    url: engines.databaseUrl,
    role,
    password: installation.databasePasswords[role],
    contextKey: contextKeyOf(installation.contextMaster, role),
    onEvents: () => bell.ring(bells.events),
  });
const [writer, reader, relayed] = [open('svc_orchestration'), open('svc_ledger_reader'), open('svc_relay')];
const append = (orgId: string, count: number): Promise<void> =>
  writer.tenant(orgId, async (tx) => {
    for (let i = 0; i < count; i++)
      await appendEvent(
        tx,
        { subject: 'svc:bench', requestId: 'request-1' },
        { orgId, name: 'thing.happened', resourceId: orgId, data: { at: Date.now() } },
      );
  });

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 120_000; !(await done()); await delay(10))
    if (Date.now() > deadline) throw new Error('waited in vain');
}

async function backlog(count: number): Promise<void> {
  const orgIds = Array.from({ length: 20 }, () => newId('org'));
  for (let done = 0; done < count; done += 500) await append(orgIds[(done / 500) % orgIds.length] ?? '', 500);
  const relay = new Relay({ database: relayed, bell, logger, holder: 'bench' });
  const began = performance.now();
  relay.start();
  const sums = () =>
    relayed.anywhere((tx) =>
      tx
        .selectFrom('ledger.head')
        .select((eb) => [eb.fn.sum<string>('n').as('n'), eb.fn.sum<string>('published_n').as('published')])
        .executeTakeFirstOrThrow(),
    );
  await until(async () => Number((await sums()).n) >= count);
  const numbered = performance.now() - began;
  await until(async () => Number((await sums()).published) >= count);
  const published = performance.now() - began;
  await relay.close();
  console.log(
    `backlog of ${count} in 20 organizations: numbered and chained ${Math.round((count / numbered) * 1000)}/s, published ${Math.round((count / published) * 1000)}/s`,
  );
}

async function latency(): Promise<void> {
  const orgId = newId('org');
  const relay = new Relay({ database: relayed, bell, logger, holder: 'bench' });
  relay.start();
  let reads = 0;
  const hub = new EventHub({ database: { tenant: (org, work) => (reads++, reader.tenant(org, work)) }, bell, logger });
  const stop = new AbortController();
  const committed: number[] = [];
  const delays: number[] = [];
  let ordered = true;
  const seen = Array.from({ length: watchers }, () => 0);
  const watching = Promise.all(
    seen.map(async (_, w) => {
      for await (const event of hub.watch({ orgId, after: 0n, resourceId: '', signal: stop.signal })) {
        if (event === undefined) continue;
        ordered &&= Number(event.n) === (seen[w] ?? 0) + 1;
        seen[w] = Number(event.n);
        const at = committed[Number(event.n) - 1];
        if (at !== undefined) delays.push(performance.now() - at);
      }
    }),
  );
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await append(orgId, 1);
      committed.push(performance.now());
      await delay(20);
    }
  };
  await append(orgId, 1);
  committed.push(performance.now());
  await until(() => seen.every((n) => n === 1));
  report('NATS there');
  await send(200);
  await until(() => seen.every((n) => n === 201));
  report('NATS there', 200);
  const sending = send(200);
  await nats.stop();
  rmSync(join(natsDir, 'nats'), { recursive: true, force: true });
  nats = await startEngines({ stateDir: natsDir, quiet: true, env: natsEnv });
  await sending;
  await until(() => seen.every((n) => n === 401));
  report('NATS stopped and wiped meanwhile', 200);
  console.log(`lost ${watchers * 401 - seen.reduce((a, b) => a + b)} of ${watchers * 401}, in order: ${ordered}`);
  stop.abort();
  await watching;
  await relay.close();

  function report(what: string, events = 0): void {
    const sorted = delays.splice(0).sort((a, b) => a - b);
    const at = (q: number): string => (sorted[Math.floor((sorted.length - 1) * q)] ?? 0).toFixed(1);
    if (events > 0)
      console.log(
        `commit to each of ${watchers} watchers, ${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms; ${reads} reads for ${events} events`,
      );
    reads = 0;
  }
}

try {
  await backlog(20_000);
  await latency();
} finally {
  await bell.close();
  await Promise.all([writer, reader, relayed].map((database) => database.close()));
  await nats.stop();
  await engines.stop();
  for (const folder of [stateDir, natsDir]) rmSync(folder, { recursive: true, force: true });
}

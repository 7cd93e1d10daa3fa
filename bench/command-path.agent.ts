/**
 * The agents of `command-path.ts`, in a process of their own: the real link, runner and journal with a command that does nothing.
 * Usage: node bench/command-path.agent.ts <identities.json> <folder>; prints one line of JSON for each thing measured.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import pino from 'pino';
import { systemClock } from '../agent/src/command/clock.ts';
import { openGate } from '../agent/src/testing/gate.ts';
import type { CommandHandler } from '../agent/src/command/effect.ts';
import { pingHandler } from '../agent/src/command/ping.ts';
import { Reports } from '../agent/src/command/report.ts';
import { Runner } from '../agent/src/command/runner.ts';
import { Journal } from '../agent/src/journal/journal.ts';
import { grpcDialer } from '../agent/src/link/grpc.ts';
import { Link } from '../agent/src/link/link.ts';
import { bareClient, openEcho } from './bare-grpc.ts';
import { median, percentile } from './quantile.ts';

interface Identity {
  readonly key: string;
  readonly certificate: string;
  readonly authorities: string;
  readonly serverName: string;
  readonly endpoint: string;
  readonly echo: string;
}

const [, , file = '', folder = ''] = process.argv;
const identities = JSON.parse(readFileSync(file, 'utf8')) as Identity[];
const nothing: CommandHandler = {
  kind: 'ensureServer',
  needsPermit: true,
  run: async () => ({ outcome: Outcome.SUCCEEDED, effect: Effect.FULL }),
};
const log = pino({ level: 'warn' }, pino.destination(2));

async function echo(identity: Identity): Promise<{ p50: number; p99: number }> {
  const { authorities: authority, key, certificate } = identity;
  const client = bareClient(identity.echo, { authority, key, certificate });
  const call = openEcho(client);
  const times: number[] = [];
  const message = Buffer.alloc(200, 1);
  for (let i = 0; i < 1200; i++) {
    const began = performance.now();
    await new Promise<void>((resolve) => {
      call.once('data', () => resolve());
      call.write(message);
    });
    if (i >= 200) times.push(performance.now() - began);
  }
  call.end();
  client.close();
  return { p50: median(times), p99: percentile(times, 0.99) };
}

/** One journal write: a transaction of one row with its fsync, as the agent's journal makes them. */
function fsyncs(): number {
  const db = new DatabaseSync(join(folder, 'bare.db'));
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB)',
  );
  const insert = db.prepare('INSERT INTO t(v) VALUES (?)');
  const value = Buffer.alloc(300, 1);
  const times: number[] = [];
  for (let i = 0; i < 600; i++) {
    const began = performance.now();
    db.exec('BEGIN IMMEDIATE');
    insert.run(value);
    db.exec('COMMIT');
    if (i >= 100) times.push(performance.now() - began);
  }
  db.close();
  return median(times);
}

function start(identity: Identity, i: number): void {
  const home = join(folder, `agent-${i}`);
  mkdirSync(home, { recursive: true });
  const journal = new Journal(join(home, 'journal.db'), (error) => {
    throw error;
  });
  const link: { current: Link | undefined } = { current: undefined };
  const reports = new Reports({ journal, clock: systemClock, wake: (urgency) => link.current?.wake(urgency) });
  const runner = new Runner({
    journal,
    reports,
    handlers: [pingHandler, nothing],
    gate: openGate,
    clock: systemClock,
    log,
  });
  const dialer = grpcDialer(() => identity);
  link.current = new Link({
    journal,
    runner,
    reports,
    dialer,
    clock: systemClock,
    random: Math.random,
    log,
    endpoints: [identity.endpoint],
    version: '0.0.0',
  });
  link.current.start();
}

const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const [first] = identities;
if (first === undefined) throw new Error('no identities');
process.on('message', (word) => {
  if (word !== 'measure') return;
  void echo(first).then((took) => say({ echo: took, fsync: fsyncs() }));
});
identities.forEach(start);
say({ started: identities.length });

import { fromBinary } from '@bufbuild/protobuf';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { EventSchema, type Event } from '@truffle/api/tenant/v1/event';
import { chainHash, chainStart } from '@truffle/audit';
import type { Database, LedgerTables } from '@truffle/database';
import { newId } from '@truffle/ids';
import { bells, connectBell, type Bell } from '@truffle/kit';
import { createLogger } from '@truffle/telemetry';
import { testDatabase, until, type TestDatabase } from '@truffle/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEvents } from './event.repo.ts';
import { EventHub } from './hub.ts';
import { appendMany, ownNats, type OwnNats } from './ledger.fixture.ts';
import { Relay } from './relay.ts';

const logger = createLogger('test', 'silent');
let database: TestDatabase;
let nats: OwnNats;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  nats = await ownNats();
  database = await testDatabase([]);
});

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  await database.close();
  await nats.close();
});

async function bellOf(): Promise<Bell> {
  const bell = await connectBell(nats.url, 'test', logger);
  closers.push(() => bell.close());
  return bell;
}

function relayOf(bell: Bell, holder: string): Relay {
  const relay = new Relay({ database: database.open<LedgerTables>('svc_relay'), bell, logger, holder });
  relay.start();
  closers.push(() => relay.close());
  return relay;
}

const writer = (bell?: Bell): Database<LedgerTables> =>
  database.open<LedgerTables>('svc_orchestration', bell && (() => bell.ring(bells.events)));

async function demandNumbered(orgId: string, count: number): Promise<void> {
  const { rows } = await database.admin.query<{ n: string | null; hash: Buffer }>(
    'select n, hash from ledger.event where org_id = $1 order by n',
    [orgId],
  );
  expect(rows.map((row) => Number(row.n))).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  const reader = database.open<LedgerTables>('svc_ledger_reader');
  let hash = chainStart;
  for (const { actor_name: _, ...event } of await reader.tenant(orgId, (tx) => readEvents(tx, 0n, count + 1))) {
    hash = chainHash(hash, event);
    expect(rows[Number(event.n) - 1]?.hash.equals(hash)).toBe(true);
  }
  const { rows: heads } = await database.admin.query<{ n: string; hash: Buffer }>(
    'select n, hash from ledger.head where org_id = $1',
    [orgId],
  );
  expect([Number(heads[0]?.n), heads[0]?.hash.equals(hash)]).toEqual([count, true]);
}

const publishedAll = (orgId: string, count: number) =>
  until(
    `${count} events are published`,
    async () => {
      const { rows } = await database.admin.query('select 1 from ledger.head where org_id = $1 and published_n = $2', [
        orgId,
        count,
      ]);
      return rows.length === 1;
    },
    30_000,
  );

/** What the stream holds of an organization, in its order. */
async function stored(bell: Bell, orgId: string): Promise<Event[]> {
  const manager = await jetstreamManager(bell.connection);
  const { name } = await manager.consumers.add('EVENTS', {
    ack_policy: AckPolicy.None,
    filter_subject: `events.${orgId}`,
    inactive_threshold: 10e9,
  });
  const { num_pending: pending } = await manager.consumers.info('EVENTS', name);
  if (pending === 0) return [];
  const consumer = await jetstream(bell.connection).consumers.get('EVENTS', name);
  const events: Event[] = [];
  for await (const message of await consumer.fetch({ max_messages: pending, expires: 5_000 }))
    events.push(fromBinary(EventSchema, message.data));
  return events;
}

const numbers = (count: number): bigint[] => Array.from({ length: count }, (_, i) => BigInt(i + 1));

describe('the relay', () => {
  it('publishes in order what a relay that died had numbered only', async () => {
    const orgId = newId('org');
    const bell = await bellOf();
    const dying = await bellOf();
    await dying.connection.close();
    const first = new Relay({
      database: database.open<LedgerTables>('svc_relay'),
      bell: { ...dying, listen: () => () => undefined },
      logger,
      holder: 'first',
    });
    first.start();
    await appendMany(writer(), orgId, 700);
    await until(
      'all are numbered',
      async () =>
        (
          await database.admin.query('select 1 from ledger.head where org_id = $1 and n = 700 and published_n = 0', [
            orgId,
          ])
        ).rows.length === 1,
    );
    await first.close();
    relayOf(bell, 'second');
    await publishedAll(orgId, 700);
    expect((await stored(bell, orgId)).map((e) => e.n)).toEqual(numbers(700));
    await demandNumbered(orgId, 700);
  });

  it('leaves no gap and doubles nothing where two run at once', async () => {
    const orgIds = [newId('org'), newId('org'), newId('org')];
    const bell = await bellOf();
    const first = relayOf(bell, 'first');
    relayOf(await bellOf(), 'second');
    const work = Promise.all(orgIds.map((orgId) => appendMany(writer(bell), orgId, 300)));
    await until(
      'the first has begun',
      async () => (await database.admin.query('select 1 from ledger.head')).rows.length > 0,
    );
    await first.close();
    await work;
    for (const orgId of orgIds) {
      await publishedAll(orgId, 300);
      expect((await stored(bell, orgId)).map((e) => e.n)).toEqual(numbers(300));
      await demandNumbered(orgId, 300);
    }
  });

  it('keeps a thousand watchers whole and in order while NATS is wiped, at one read for each batch', async () => {
    const orgId = newId('org');
    const bell = await bellOf();
    relayOf(bell, 'first');
    const reader = database.open<LedgerTables>('svc_ledger_reader');
    let reads = 0;
    const hub = new EventHub({
      database: { tenant: (org, work) => (reads++, reader.tenant(org, work)) },
      bell,
      logger,
      sweepMs: 2_000,
    });
    const stop = new AbortController();
    const seen = Array.from({ length: 1_000 }, () => [] as bigint[]);
    const watching = Promise.all(
      seen.map(async (mine) => {
        for await (const event of hub.watch({ orgId, after: 0n, resourceId: '', signal: stop.signal }))
          if (event !== undefined) mine.push(event.n);
      }),
    );
    const service = writer(bell);
    await appendMany(service, orgId, 100);
    await until('all saw the first hundred', () => seen.every((mine) => mine.length === 100), 20_000);
    const readsBefore = reads;
    expect(readsBefore).toBeLessThan(100);
    const writing = appendMany(service, orgId, 200, 100);
    await nats.wipe();
    await writing;
    await until('all saw everything', () => seen.every((mine) => mine.length === 300), 30_000);
    for (const mine of seen) expect(mine).toEqual(numbers(300));
    expect(reads - readsBefore).toBeLessThan(100);
    await until(
      'the stream is whole again',
      async () => (await stored(bell, orgId).catch(() => [])).length === 300,
      30_000,
    );
    expect((await stored(bell, orgId)).map((e) => e.n)).toEqual(numbers(300));
    stop.abort();
    await watching;
  }, 90_000);
});

describe('a watcher', () => {
  it('that is slow, late or picky gets all that is its own, in order', async () => {
    const orgId = newId('org');
    const bell = await bellOf();
    relayOf(bell, 'first');
    const hub = new EventHub({
      database: database.open<LedgerTables>('svc_ledger_reader'),
      bell,
      logger,
      sweepMs: 1_000,
    });
    const stop = new AbortController();
    const slow = hub.watch({ orgId, after: 0n, resourceId: '', signal: stop.signal });
    await appendMany(writer(bell), orgId, 5);
    const first = await slow.next();
    expect((first.value as Event).n).toBe(1n);
    await appendMany(writer(bell), orgId, 1_595);
    await publishedAll(orgId, 1_600);
    const late = hub.watch({ orgId, after: 1_590n, resourceId: '', signal: stop.signal });
    const picky = hub.watch({ orgId, after: 0n, resourceId: 'none', signal: stop.signal });
    expect(await take(slow, 1_599)).toEqual(numbers(1_600).slice(1));
    expect(await take(late, 10)).toEqual(numbers(1_600).slice(1_590));
    expect((await picky.next()).value).toBeUndefined();
    stop.abort();
    for (const each of [slow, late, picky]) await each.return(undefined);
  });
});

async function take(watcher: AsyncGenerator<Event | undefined>, count: number): Promise<bigint[]> {
  const taken: bigint[] = [];
  while (taken.length < count) {
    const { value } = await watcher.next();
    if (value !== undefined) taken.push((value as Event).n);
  }
  return taken;
}

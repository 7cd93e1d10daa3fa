import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { EventSchema, type Event } from '@truffle/api/tenant/v1/event';
import { eventType } from '@truffle/database';
import { newId } from '@truffle/ids';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { billingMigrations } from '../migrations.ts';
import type { BillingTables } from '../tables.ts';
import { listUsage } from './usage.repo.ts';
import { meter } from './usage.usecases.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([billingMigrations]);
});

afterAll(async () => {
  await database?.close();
});

const event = (orgId: string, resourceId: string, name: string, at: number): Event =>
  create(EventSchema, {
    id: newId('evt'),
    orgId,
    n: 1n,
    type: eventType(name),
    resourceId,
    occurredAt: timestampFromMs(at),
  });

describe("a server's usage", () => {
  it('is one fact with its seconds, in whatever order and however often its events come', async () => {
    const billing = database.open<BillingTables>('svc_billing');
    const order = fc.array(fc.constantFrom('ready', 'deleted', 'other'), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(order, async (before) => {
        const orgId = newId('org');
        const server = newId('srv');
        const events = {
          ready: event(orgId, server, 'server.ready', 1_000_000),
          deleted: event(orgId, server, 'server.deleted', 1_090_500),
          other: event(orgId, server, 'server.started', 1_050_000),
        };
        for (const name of [...before, 'deleted', 'ready', 'deleted'] as const)
          await meter({ database: billing }, events[name]);
        const facts = await billing.tenant(orgId, (tx) => listUsage(tx, undefined, 10));
        expect(facts.map((f) => [f.meter, f.quantity, f.source_event_id])).toEqual([
          ['server.running', 90.5, events.deleted.id],
        ]);
      }),
      { numRuns: 40 },
    );
  });

  it('is none for a server that was never ready', async () => {
    const billing = database.open<BillingTables>('svc_billing');
    const orgId = newId('org');
    await meter({ database: billing }, event(orgId, newId('srv'), 'server.deleted', 1_000_000));
    expect(await billing.tenant(orgId, (tx) => listUsage(tx, undefined, 10))).toEqual([]);
  });
});

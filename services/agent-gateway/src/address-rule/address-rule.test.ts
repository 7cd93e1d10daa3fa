import { timestampFromMs, timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { createLogger } from '@truffle/telemetry';
import { testDatabase, testEngines, until, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { getAgent } from '../agent/agent.usecases.ts';
import { createJoinToken, enroll } from '../agent/enrollment.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { enrolPeer, enrollRequest, makeRequest, Peer } from '../testing/peer.ts';
import { makeWorld, type World } from '../testing/world.ts';
import { AddressRuleBoard, type AskForRules } from './address-rule.board.ts';
import { Refusals, type LetIn } from './address-rule.ts';

let database: TestDatabase;
let world: World;
beforeAll(async () => {
  database = await testDatabase([agentGatewayMigrations]);
  world = await makeWorld(database, testEngines().natsUrl);
});
afterAll(() => world?.close());

describe('an agent outside of the addresses of its organization', () => {
  it('gets no session, which is noted once; loses the one that it has; and comes back when it is let in', async () => {
    let letIn: LetIn = 'no';
    const one = await world.startGateway({ letsIn: ({ address }) => (address === '127.0.0.1' ? letIn : 'unknown') });
    const keys = await enrolPeer(world, 'outsider');
    const peer = new Peer(keys, world.enrollment.authorities.pem);
    const state = async () => (await getAgent(one.parts, world.orgId, keys.agentId)).row.state;
    for (let i = 0; i < 3; i++) {
      const refused = peer.dial(one.endpoint);
      await until('it was refused', () => refused.last('refusal'));
      expect(refused.last('refusal')).toMatchObject({ reason: 'ADDRESS_NOT_ALLOWED' });
      refused.close();
    }
    const { rows: events } = await database.admin.query(`select 1 from ledger.event where type like '%agent.refused%'`);
    expect(events).toHaveLength(1);
    letIn = 'yes';
    const stream = peer.dial(one.endpoint);
    await until('it is online', async () => (await state()) === 'ONLINE');
    letIn = 'no';
    one.gateway.rulesChanged();
    await until('its session ended', () => stream.ended, 5_000);
    await until('it is offline', async () => (await state()) === 'OFFLINE');
    await one.close();
  });

  it('cannot enrol, and its token stays good', async () => {
    let outside = true;
    const parts = {
      ...world.enrollment,
      demandAddress: () => (outside ? Promise.reject(new Error('outside')) : Promise.resolve()),
    };
    const { token } = await createJoinToken(world.enrollment, world.caller, 'late');
    const { csr } = await makeRequest();
    await expect(enroll(parts, world.caller, enrollRequest(token, csr))).rejects.toThrow('outside');
    outside = false;
    await enroll(parts, world.caller, enrollRequest(token, csr));
  });
});

describe('what a gateway knows of the rules', () => {
  const logger = createLogger('test', 'silent');
  const orgs = Array.from({ length: 5 }, (_, i) => `org_${i}`);

  /** A tenant service with two rules on a page. */
  function service() {
    const rules = new Map<string, { ranges: string[]; at: number }>();
    const asked: (number | undefined)[] = [];
    let now = 1_000_000;
    const ask: AskForRules = async (since: Timestamp | undefined, after) => {
      if (after === '') asked.push(since === undefined ? undefined : timestampMs(since));
      const all = [...rules]
        .filter(
          ([orgId, { at, ranges }]) =>
            orgId > after && (since === undefined ? ranges.length > 0 : at >= timestampMs(since)),
        )
        .toSorted(([a], [b]) => (a < b ? -1 : 1));
      return {
        rules: all
          .slice(0, 2)
          .map(([orgId, { ranges }]) => ({ $typeName: 'truffle.tenant.v1.AddressRule', orgId, ranges })),
        more: all.length > 2,
        now: timestampFromMs(now),
      };
    };
    return {
      asked,
      ask,
      set: (orgId: string, ...ranges: string[]) => rules.set(orgId, { ranges, at: (now += 1_000) }),
    };
  }

  test('is nothing at first, then all, then what changed', async () => {
    const { asked, ask, set } = service();
    for (const orgId of orgs) set(orgId, '10.0.0.0/8');
    let changes = 0;
    const board = new AddressRuleBoard(ask, logger, () => changes++);
    expect(board.letsIn({ orgId: 'org_0', address: '10.0.0.1' })).toBe('unknown');
    await board.refresh();
    expect(orgs.map((orgId) => board.letsIn({ orgId, address: '10.0.0.1' }))).toEqual(Array(5).fill('yes'));
    expect(orgs.map((orgId) => board.letsIn({ orgId, address: '11.0.0.1' }))).toEqual(Array(5).fill('no'));
    expect(board.letsIn({ orgId: 'org_other', address: '11.0.0.1' })).toBe('yes');
    await expect(board.demand({ orgId: 'org_0', address: '11.0.0.1' })).rejects.toMatchObject({
      reason: 'ADDRESS_NOT_ALLOWED',
    });
    set('org_3');
    set('org_9', '2001:db8::/32');
    await board.refresh();
    expect(board.letsIn({ orgId: 'org_3', address: '11.0.0.1' })).toBe('yes');
    expect(board.letsIn({ orgId: 'org_9', address: '2001:db9::' })).toBe('no');
    expect(asked).toEqual([undefined, 1_005_000 - 60_000]);
    expect(changes).toBe(2);
  });

  test('stays when the tenant service is away', async () => {
    const { ask, set } = service();
    set('org_0', '10.0.0.0/8');
    let away = false;
    const board = new AddressRuleBoard(
      (...of) => (away ? Promise.reject(new Error('away')) : ask(...of)),
      logger,
      () => undefined,
    );
    away = true;
    await expect(board.demand({ orgId: 'org_0', address: '10.0.0.1' })).rejects.toMatchObject({
      code: Code.Unavailable,
    });
    away = false;
    await board.demand({ orgId: 'org_0', address: '10.0.0.1' });
    away = true;
    await expect(board.refresh()).rejects.toThrow('away');
    expect(board.letsIn({ orgId: 'org_0', address: '11.0.0.1' })).toBe('no');
  });
});

test('a refusal is noted once an hour for each address', () => {
  let now = 0;
  const refusals = new Refusals(() => now);
  const from = (address: string) => refusals.isNew({ agentId: 'agt_1', address });
  expect([from('1.1.1.1'), from('1.1.1.1'), from('2.2.2.2')]).toEqual([true, false, true]);
  now = 3_600_000;
  expect([from('1.1.1.1'), from('1.1.1.1')]).toEqual([true, false]);
});

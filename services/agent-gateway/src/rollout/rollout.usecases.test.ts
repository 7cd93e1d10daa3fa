import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { UpdateOutcome } from '@truffle/api/agent/v1/rollout';
import { AgentUpdateService } from '@truffle/api/agent/v1/update_service';
import { InvalidPageTokenError } from '@truffle/database';
import { newId } from '@truffle/ids';
import { StaleRevisionProblem } from '@truffle/kit';
import { testDatabase, testEngines, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deleteAgent } from '../agent/agent.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { askPeer } from '../testing/call.ts';
import { enrolPeer, type PeerKeys } from '../testing/peer.ts';
import { makeWorld, type Running, type World } from '../testing/world.ts';
import { getRollout, listUpdates, setRollout } from './rollout.usecases.ts';

let database: TestDatabase;
let world: World;
let one: Running;
beforeAll(async () => {
  database = await testDatabase([agentGatewayMigrations]);
  world = await makeWorld(database, testEngines().natsUrl);
  one = await world.startGateway();
});
afterAll(() => world?.close());

const set = async (version: string, percent: number, paused = false) => {
  const { row } = await getRollout(one.parts.database, world.orgId);
  const revision = BigInt(row?.revision ?? 0);
  return setRollout(one.parts.database, world.caller, { version, percent, paused, failureLimitPercent: 0, revision });
};
const check = async (keys: PeerKeys, version: string, last?: { to: string; outcome: UpdateOutcome; at: number }) => {
  const ended = {
    fromVersion: '1.0.0',
    toVersion: last?.to ?? '',
    outcome: last?.outcome ?? UpdateOutcome.UNSPECIFIED,
    reason: 'as the test says',
    endedAt: timestampFromDate(new Date(1_800_000_000_000 + (last?.at ?? 0))),
  };
  const told = { version, ...(last === undefined ? {} : { last: ended }) };
  const { method } = AgentUpdateService;
  return (await askPeer(one.endpoint, world.enrollment.authorities.pem, keys, method.checkUpdate, told)).version;
};
const eventsOf = async (id: string): Promise<string[]> => {
  const { rows } = await database.admin.query<{ type: string }>(
    'select type from ledger.event where resource_id = $1 order by occurred_at, id',
    [id],
  );
  return rows.map((row) => row.type.replace(/^dev\.truffle\.|\.v1$/g, ''));
};

it('says nothing before it is set, then the version, and nothing while it is held', async () => {
  const keys = await enrolPeer(world, 'held');
  expect(await check(keys, '1.0.0')).toBe('');
  await set('1.1.0', 100);
  expect(await check(keys, '1.0.0')).toBe('1.1.0');
  expect(await check(keys, '1.1.0')).toBe('');
  await set('1.1.0', 100, true);
  expect(await check(keys, '1.0.0')).toBe('');
  const stale = { version: '1.2.0', percent: 1, paused: false, failureLimitPercent: 0, revision: 0n };
  await expect(setRollout(one.parts.database, world.caller, stale)).rejects.toThrow(StaleRevisionProblem);
});

it('counts how updates ended, once each, and halts by itself when too many went back', async () => {
  const [a, b, c] = [await enrolPeer(world, 'a'), await enrolPeer(world, 'b'), await enrolPeer(world, 'c')];
  await set('2.0.0', 100);
  const good = { to: '2.0.0', outcome: UpdateOutcome.UPDATED, at: 1 };
  const bad = { to: '2.0.0', outcome: UpdateOutcome.ROLLED_BACK, at: 2 };
  for (let twice = 0; twice < 2; twice++) expect(await check(a, '2.0.0', good)).toBe('');
  for (let twice = 0; twice < 2; twice++) expect(await check(b, '1.0.0', bad)).toBe('2.0.0');
  expect(await getRollout(one.parts.database, world.orgId)).toMatchObject({
    row: { state: 'ACTIVE' },
    tries: { updated: 1, rolledBack: 1 },
  });
  // Of another version, which says nothing of this one.
  expect(await check(c, '1.0.0', { ...bad, to: '1.9.0', at: 3 })).toBe('2.0.0');
  expect(await check(c, '1.0.0', { ...bad, at: 4 })).toBe('');
  const halted = await getRollout(one.parts.database, world.orgId);
  expect(halted.row).toMatchObject({ state: 'HALTED', reason: '2 of 3 agents that tried 2.0.0 went back' });
  expect((await eventsOf(a.agentId)).filter((type) => type === 'agent.updated')).toHaveLength(1);
  expect((await eventsOf(b.agentId)).filter((type) => type === 'agent.update_rolled_back')).toHaveLength(1);
  expect(await eventsOf(world.orgId)).toEqual(expect.arrayContaining(['rollout.set', 'rollout.halted']));
  // A person who sets it again has decided.
  await set('2.0.1', 100);
  expect(await check(c, '1.0.0')).toBe('2.0.1');
});

it('lists how updates ended, newest first and in pages, to its tenant alone', async () => {
  const first = await listUpdates(one.parts.database, world.orgId, { size: 2, token: '' });
  const second = await listUpdates(one.parts.database, world.orgId, { size: 2, token: first.next });
  const all = [...first.rows, ...second.rows];
  expect(all.map(({ to_version: to, outcome }) => `${to} ${outcome}`)).toEqual([
    '2.0.0 ROLLED_BACK',
    '1.9.0 ROLLED_BACK',
    '2.0.0 ROLLED_BACK',
    '2.0.0 UPDATED',
  ]);
  expect((await listUpdates(one.parts.database, newId('org'), undefined)).rows).toEqual([]);
  await expect(listUpdates(one.parts.database, world.orgId, { size: 2, token: 'MTp4' })).rejects.toThrow(
    InvalidPageTokenError,
  );
});

it('answers nobody whose certificate was revoked', async () => {
  const keys = await enrolPeer(world, 'gone');
  await deleteAgent(one.parts, world.caller, keys.agentId, 0n);
  await expect(check(keys, '1.0.0')).rejects.toThrow();
});

import { createHash, randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { HelloSchema, KeptOutcome, KeptSchema } from '@truffle/api/agent/v1/link';
import { HealthState } from '@truffle/api/orchestration/v1/cluster';
import { eventType, type LedgerTables } from '@truffle/database';
import { newId } from '@truffle/ids';
import { createLogger } from '@truffle/telemetry';
import { testDatabase, testEngines, until, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { getAgent } from '../agent/agent.usecases.ts';
import { insertCommands } from '../command/command.repo.ts';
import { enqueueCommands, getCommands, queuedOf } from '../command/command.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { enrolPeer, Peer } from '../testing/peer.ts';
import { makeWorld, type Running, type World } from '../testing/world.ts';
import { SessionStore, type Opening } from './standing.ts';

let world: World;
let one: Running;

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([agentGatewayMigrations]);
  world = await makeWorld(database, testEngines().natsUrl);
  one = await world.startGateway();
});
afterAll(() => world?.close());

const agentState = async (id: string) => (await getAgent(one.parts, world.orgId, id)).row.state;
const online = (id: string) => until(`${id} online`, async () => (await agentState(id)) === 'ONLINE');
const newPeer = async (name: string) => new Peer(await enrolPeer(world, name), world.enrollment.authorities.pem);

const largePayload = Buffer.from(
  toBinary(
    CommandPayloadSchema,
    create(CommandPayloadSchema, { op: { case: 'ensureServer', value: { name: 'a'.repeat(200_000) } } }),
  ),
);
const commandFor = (agentId: string, resourceKey: string) =>
  queuedOf({
    id: newId('cmd'),
    agentId,
    resourceKey,
    fence: 1n,
    payload: create(CommandPayloadSchema, { op: { case: 'ensureServer', value: { name: 'a', orgId: world.orgId } } }),
    startBy: new Date(Date.now() + 60_000),
    runTimeoutMs: 60_000,
    traceparent: '',
    operationId: '',
  });

it('a Hello that was answered late voids no token that its agent was offered since', async () => {
  const { keys } = await newPeer('late-hello');
  const store = new SessionStore(one.parts.database, one.gateway.id, {
    logger: createLogger('test', 'fatal'),
    endpoints: () => [],
    commandKeys: () => undefined,
    letsIn: () => 'yes',
    noteHealth: () => Promise.resolve(),
  });
  const { row } = await getAgent(one.parts, world.orgId, keys.agentId);
  const identity = {
    orgId: keys.orgId,
    agentId: keys.agentId,
    certificateSerial: row.certificate_serial,
    certificateEnds: new Date(8e15),
    address: '127.0.0.1',
  };
  const incarnation = randomUUID();
  const say = (continuity: Uint8Array) =>
    store.open(identity, create(HelloSchema, { protocolMin: 1, protocolMax: 1, incarnation, continuity }));
  const token = (opening: Opening): Uint8Array =>
    opening.kind === 'offered' && opening.welcome.case === 'welcome'
      ? opening.welcome.value.continuity
      : new Uint8Array();
  const confirm = async (opening: Opening) =>
    opening.kind === 'offered' &&
    (await store.confirm(opening.session, identity.certificateSerial, create(HelloSchema, { incarnation }), true)) !==
      undefined;

  const first = await say(new Uint8Array());
  expect(await confirm(first)).toBe(true);
  const kept = await say(token(first));
  const late = await say(token(first));
  expect(await confirm(kept)).toBe(false);
  const next = await say(token(kept));
  expect(await confirm(next)).toBe(true);
  expect(await say(token(late))).toMatchObject({ kind: 'refused', reason: 'IDENTITY_CONFLICT', quarantine: true });
  expect(await say(token(kept))).toMatchObject({ kind: 'refused', quarantine: true });
});

it('the echo of a connection that its agent left quarantines nobody', async () => {
  const peer = await newPeer('echo');
  const old = peer.continuity;
  const stream = peer.dial(one.endpoint, { journalLsn: 50n });
  await online(peer.keys.agentId);
  const mute = new Peer(peer.keys, world.enrollment.authorities.pem);
  const echo = mute.dial(one.endpoint, { incarnation: peer.incarnation, journalLsn: 20n, continuity: old });
  echo.heard = () => undefined;
  await until('the doubt', () => echo.last('heartbeat'));
  echo.close();
  await until('a word of the standing session', () => stream.last('welcome'));
  expect(await agentState(peer.keys.agentId)).toBe('ONLINE');
  stream.close();
});

it('a session that a sweep closed while its gateway had no lease goes on', async () => {
  const peer = await newPeer('swept');
  const stream = peer.dial(one.endpoint);
  await online(peer.keys.agentId);
  const store = new SessionStore(one.parts.database, 'gwy_other', {
    logger: createLogger('test', 'fatal'),
    endpoints: () => [],
    commandKeys: () => undefined,
    letsIn: () => 'yes',
    noteHealth: () => Promise.resolve(),
  });
  const epoch = Number(stream.last('welcome')?.epoch);
  await store.close({ orgId: world.orgId, agentId: peer.keys.agentId, epoch, incarnation: '' }, 'GATEWAY_LOST');
  expect(await agentState(peer.keys.agentId)).toBe('OFFLINE');
  await online(peer.keys.agentId);
  stream.close();
}, 30_000);

it('an agent that reads slowly is sent no more than the stream holds, and all of it in the end', async () => {
  const peer = await newPeer('slow');
  const stream = peer.dial(one.endpoint);
  await online(peer.keys.agentId);
  stream.read(false);
  const commands = Array.from({ length: 40 }, (_, i) => ({
    ...commandFor(peer.keys.agentId, `pve:test/slow-${i}`),
    payload: largePayload,
    payloadSha256: createHash('sha256').update(largePayload).digest(),
  }));
  await enqueueCommands(one.parts, world.orgId, commands);
  const states = async () => {
    const rows = await getCommands(
      one.parts,
      world.orgId,
      commands.map((c) => c.id),
    );
    return rows.map((row) => row.state);
  };
  await until('most to wait in the database', async () => (await states()).filter((s) => s === 'QUEUED').length > 20);
  stream.read(true);
  await until('all to end', async () => (await states()).every((state) => state === 'SUCCEEDED'), 20_000);
  expect(stream.last('refusal')).toBeUndefined();
  stream.close();
}, 40_000);

it('a command whose claim was stored and never answered is sent all the same', async () => {
  const peer = await newPeer('unanswered');
  const stream = peer.dial(one.endpoint);
  await online(peer.keys.agentId);
  const command = commandFor(peer.keys.agentId, 'pve:test/unanswered');
  await one.parts.database.tenant(world.orgId, async (tx) => {
    await insertCommands(tx, world.orgId, [command]);
    await tx.updateTable('agent_gateway.command').set({ state: 'DISPATCHED' }).where('id', '=', command.id).execute();
  });
  const ended = async () => (await getCommands(one.parts, world.orgId, [command.id]))[0]?.state === 'SUCCEEDED';
  await until('its end', ended, 20_000);
  expect(peer.effects.get(command.id)).toBe(1);
  stream.close();
}, 30_000);

it('what an agent did by itself becomes an event, and is acknowledged', async () => {
  const peer = await newPeer('alone');
  const stream = peer.dial(one.endpoint);
  await online(peer.keys.agentId);
  const value = create(KeptSchema, {
    n: 7n,
    resourceKey: 'pve:test/100',
    serverId: 'srv_1',
    outcome: KeptOutcome.STARTED,
  });
  stream.send({ case: 'kept', value });
  await until('the acknowledgement', () => stream.last('keptAck')?.n === 7n);
  const events = await database
    .open<LedgerTables>('svc_ledger_reader')
    .tenant(world.orgId, (tx) =>
      tx.selectFrom('ledger.event').select('data').where('type', '=', eventType('agent.kept_server')).execute(),
    );
  expect(events).toMatchObject([{ data: { n: 7, outcome: 'STARTED', serverId: 'srv_1' } }]);
  stream.close();
});

it('passes on how an agent found a server, and acknowledges it only then', async () => {
  const peer = await newPeer('medic');
  const first = peer.dial(one.endpoint);
  await online(peer.keys.agentId);
  const serverId = newId('srv');
  const kept = (n: bigint) =>
    create(KeptSchema, { n, serverId, outcome: KeptOutcome.REMEDIED, detail: 'web: port 80 is shut; restarted nginx' });
  world.health = undefined;
  first.send({ case: 'kept', value: kept(1n) });
  first.send({ case: 'kept', value: create(KeptSchema, { n: 2n, serverId, outcome: KeptOutcome.STARTED }) });
  await until('the acknowledgement of what is not about health', () => first.last('keptAck')?.n === 2n);
  first.close();

  world.health = [];
  const second = peer.dial(one.endpoint);
  await until('the welcome', () => second.last('welcome') !== undefined);
  await online(peer.keys.agentId);
  second.send({ case: 'kept', value: kept(1n) });
  await until('the acknowledgement', () => second.last('keptAck')?.n === 1n);
  const { agentId } = peer.keys;
  expect(world.health).toMatchObject([
    { serverId, agentId, health: HealthState.REMEDIED, detail: expect.stringContaining('restarted nginx') },
  ]);
  second.close();
});

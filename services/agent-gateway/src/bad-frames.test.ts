import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create } from '@bufbuild/protobuf';
import { CommandPayloadSchema, CommandResultSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import { AcceptedSchema, KeptSchema, LogBatchSchema, ProgressSchema, RejectedSchema } from '@truffle/api/agent/v1/link';
import { newId } from '@truffle/ids';
import { testDatabase, testEngines, until, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { getAgent, pingAgent } from './agent/agent.usecases.ts';
import { enqueueCommands, getCommands, listCommandLogs, queuedOf } from './command/command.usecases.ts';
import { agentGatewayMigrations } from './migrations.ts';
import { enrolPeer, Peer, type PeerStream } from './testing/peer.ts';
import { makeWorld, type Running, type World } from './testing/world.ts';

let database: TestDatabase;
let world: World;
let one: Running;
/** Another agent of the organization, which nothing of all this may disturb. */
let bystander: Peer;
let beside: PeerStream;

beforeAll(async () => {
  database = await testDatabase([agentGatewayMigrations]);
  world = await makeWorld(database, testEngines().natsUrl);
  one = await world.startGateway();
  [bystander, beside] = await working('bystander');
});
afterAll(() => world?.close());
beforeEach(() => {
  bystander.answers = true;
});

async function working(name: string): Promise<[Peer, PeerStream]> {
  const peer = new Peer(await enrolPeer(world, name), world.enrollment.authorities.pem);
  const stream = peer.dial(one.endpoint);
  await until(`${name} online`, async () => (await standingOf(peer)) === 'ONLINE');
  return [peer, stream];
}
const standingOf = async ({ keys }: Peer) => (await getAgent(one.parts, world.orgId, keys.agentId)).row.state;
const command = async (id: string) => (await getCommands(one.parts, world.orgId, [id]))[0];
const lateOf = async (id: string): Promise<Buffer | null | undefined> =>
  (
    await database.admin.query<{ late_result: Buffer | null }>(
      'select late_result from agent_gateway.command where id = $1',
      [id],
    )
  ).rows[0]?.late_result;
const reached = (id: string, state: CommandRowState) => until(state, async () => (await command(id))?.state === state);
type CommandRowState = NonNullable<Awaited<ReturnType<typeof command>>>['state'];

async function enqueue(peer: Peer, resourceKey = `pve:test/${newId('srv')}`): Promise<string> {
  const id = newId('cmd');
  const queued = queuedOf({
    id,
    agentId: peer.keys.agentId,
    resourceKey,
    fence: 1n,
    payload: create(CommandPayloadSchema, { op: { case: 'ensureServer', value: { name: 'a', orgId: world.orgId } } }),
    startBy: new Date(Date.now() + 60_000),
    runTimeoutMs: 60_000,
    traceparent: '',
    operationId: `opn_${id}`,
  });
  await enqueueCommands(one.parts, world.orgId, [queued]);
  return id;
}

const resultOf = (commandId: string, over: { outcome?: Outcome; effect?: Effect; output?: Uint8Array } = {}) =>
  ({
    case: 'result',
    value: create(CommandResultSchema, {
      commandId,
      outcome: over.outcome ?? Outcome.SUCCEEDED,
      effect: over.effect ?? Effect.FULL,
      output: new Uint8Array(over.output ?? []),
    }),
  }) as const;
const acked = (stream: PeerStream, id: string) =>
  until('an acknowledgement', () => stream.frames.some((f) => f.case === 'resultAck' && f.value.commandId === id));
const unharmed = async (): Promise<void> => {
  expect(beside.ended).toBe(false);
  await pingAgent(one.parts, world.caller, bystander.keys.agentId);
};

describe('what an agent says of a command', () => {
  it('of another agent moves nothing', async () => {
    bystander.answers = false;
    const [, stream] = await working('forger');
    const id = await enqueue(bystander);
    await reached(id, 'RUNNING');
    const commandId = id;
    stream.send({ case: 'accepted', value: create(AcceptedSchema, { commandId, payloadSha256: new Uint8Array(32) }) });
    stream.send({ case: 'rejected', value: create(RejectedSchema, { commandId, failure: { reason: 'NO' } }) });
    stream.send({ case: 'progress', value: create(ProgressSchema, { commandId, n: 9n, detail: 'forged' }) });
    const entries = [{ n: 1n, stream: 'stdout', text: 'forged' }];
    stream.send({ case: 'logs', value: create(LogBatchSchema, { commandId, entries }) });
    stream.send(resultOf(id));
    await acked(stream, id);
    expect(await command(id)).toMatchObject({ state: 'RUNNING' });
    bystander.answers = true;
    beside.send(resultOf(id));
    await reached(id, 'SUCCEEDED');
    const { rows } = await listCommandLogs(one.parts, world.orgId, {
      operationId: `opn_${id}`,
      after: '',
      limit: 10,
    });
    expect(rows).toEqual([]);
    expect((await command(id))?.detail).not.toBe('forged');
    stream.close();
  });

  it('that has no permit is a breach, and the agent gets no more work', async () => {
    const [peer, stream] = await working('hasty');
    peer.answers = false;
    const resource = `pve:test/${newId('srv')}`;
    const [first, second] = [await enqueue(peer, resource), await enqueue(peer, resource)];
    await reached(first, 'RUNNING');
    await reached(second, 'ACCEPTED');
    stream.send(resultOf(second));
    await until('quarantined', async () => (await standingOf(peer)) === 'QUARANTINED');
    expect((await command(second))?.state).toBe('ACCEPTED');
    expect(stream.last('refusal')).toMatchObject({ reason: 'EFFECT_WITHOUT_PERMIT' });
    await unharmed();
  });

  it('again is acknowledged again, and otherwise is noted beside the first word', async () => {
    const [peer, stream] = await working('twice');
    const id = await enqueue(peer);
    await reached(id, 'SUCCEEDED');
    const before = await command(id);
    const result = stream.last('resultAck');
    expect(result).toMatchObject({ commandId: id, terminal: true });
    stream.send(resultOf(id, { outcome: Outcome.FAILED, effect: Effect.PARTIAL }));
    await until('noted', async () => (await lateOf(id)) !== null);
    const noted = await lateOf(id);
    expect(await command(id)).toEqual(before);
    stream.send(resultOf(id, { outcome: Outcome.FAILED, effect: Effect.FULL }));
    await until('three acknowledgements', () => stream.frames.filter((f) => f.case === 'resultAck').length === 3);
    expect(await lateOf(id)).toEqual(noted);
    expect(await command(id)).toEqual(before);
    const { rows } = await database.admin.query(
      `select 1 from ledger.event where resource_id = $1 and type like '%command.contradicted%'`,
      [id],
    );
    expect(rows).toHaveLength(1);
    stream.close();
  });

  it('from an installation that was not permitted is a breach: what the former one did stays unknown', async () => {
    const [peer, stream] = await working('reborn');
    peer.answers = false;
    const id = await enqueue(peer);
    await reached(id, 'RUNNING');
    stream.close();
    await until('offline', async () => (await standingOf(peer)) === 'OFFLINE');
    const anew = new Peer(peer.keys, peer.authority);
    anew.incarnation = crypto.randomUUID();
    anew.continuity = new Uint8Array();
    const second = anew.dial(one.endpoint);
    await reached(id, 'UNKNOWN');
    second.send(resultOf(id));
    await until('quarantined', async () => (await standingOf(anew)) === 'QUARANTINED');
    expect((await command(id))?.state).toBe('UNKNOWN');
    await unharmed();
  });
});

describe('a value that this gateway does not know', () => {
  it('of an outcome ends the session and tells why', async () => {
    const [peer, stream] = await working('odd-outcome');
    peer.answers = false;
    const id = await enqueue(peer);
    await reached(id, 'RUNNING');
    stream.send(resultOf(id, { outcome: 99 as never }));
    await until('the end', () => stream.ended);
    expect(stream.last('refusal')).toMatchObject({
      reason: 'PROTOCOL_VIOLATION',
      message: 'a result says no outcome',
    });
    expect((await command(id))?.state).toBe('RUNNING');
    await unharmed();
  });

  it('elsewhere says nothing: of an effect, of what was kept, of a journal’s entry, of a frame', async () => {
    const [peer, stream] = await working('odd-values');
    peer.answers = false;
    const id = await enqueue(peer);
    await reached(id, 'RUNNING');
    stream.send({ case: undefined });
    stream.send({ case: 'kept', value: create(KeptSchema, { n: 1n, outcome: 99 as never }) });
    await until('noted', () => stream.last('keptAck'));
    stream.send(resultOf(id, { effect: 99 as never }));
    await reached(id, 'SUCCEEDED');
    expect((await command(id))?.effect).toBe('UNSPECIFIED');
    stream.close();
    peer.answers = true;
    const again = peer.dial(one.endpoint, { inFlight: [{ commandId: id, state: 99 as never }] });
    await until('back', async () => (await standingOf(peer)) === 'ONLINE' && again.last('welcome') !== undefined);
    await pingAgent(one.parts, world.caller, peer.keys.agentId);
    again.close();
  });
});

it('a frame above 256 KiB ends its stream, costs no memory, and disturbs nobody', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 1024 / 1024;
  };
  const [peer] = await working('large');
  const before = held();
  for (let i = 0; i < 30; i++) {
    const stream = peer.dial(one.endpoint);
    await until('a session', () => stream.last('welcome'));
    stream.send(resultOf(newId('cmd'), { output: new Uint8Array(4 * 1024 * 1024) }));
    await until('the end', () => stream.ended);
    await unharmed();
  }
  // 120 MiB were sent.
  expect(held() - before).toBeLessThan(60);
  const stream = peer.dial(one.endpoint);
  await until('a session', () => stream.last('welcome'));
  stream.send(resultOf(newId('cmd'), { output: new Uint8Array(200 * 1024) }));
  await until('an acknowledgement', () => stream.last('resultAck'));
  stream.close();
}, 60_000);

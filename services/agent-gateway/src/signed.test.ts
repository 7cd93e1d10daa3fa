import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { CommandKeySetSchema, CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { EnrollmentService } from '@truffle/api/agent/v1/agent_service';
import { FailureSchema } from '@truffle/api/type/v1/failure';
import { newId } from '@truffle/ids';
import { createLogger } from '@truffle/telemetry';
import { testDatabase, testEngines, until, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJoinToken } from './agent/enrollment.usecases.ts';
import { CommandKeyBoard, CommandKeysUnknownProblem } from './agent/command-key-board.ts';
import { enqueueCommands, getCommands, queuedOf, readCommand } from './command/command.usecases.ts';
import { agentGatewayMigrations } from './migrations.ts';
import { enrollRequest, enrolPeer, makeRequest, Peer } from './testing/peer.ts';
import { makeWorld, type Running, type World } from './testing/world.ts';

let database: TestDatabase;
let world: World;
let one: Running;

beforeAll(async () => {
  database = await testDatabase([agentGatewayMigrations]);
  world = await makeWorld(database, testEngines().natsUrl);
  one = await world.startGateway();
});
afterAll(() => world?.close());

const authority = () => world.enrollment.authorities.pem;

describe('a signed command', () => {
  it('reaches its agent byte for byte, also when the session before lost it', async () => {
    const peer = new Peer(await enrolPeer(world, 'signed'), world.enrollment.authorities.pem);
    peer.answers = false;
    // A field that this version does not know: it is part of what was signed.
    const known = toBinary(
      CommandPayloadSchema,
      create(CommandPayloadSchema, { op: { case: 'ensureServer', value: { orgId: world.orgId } } }),
    );
    const payload = Buffer.concat([known, Buffer.from([0xf8, 0x7f, 0x01])]);
    const { queued } = readCommand({
      id: newId('cmd'),
      agentId: peer.keys.agentId,
      resourceKey: 'pve:test/1',
      fence: 3n,
      payload,
      startBy: new Date(Date.now() + 60_000),
      runTimeoutMs: 61_234,
      needsPermit: true,
      traceparent: '',
      signature: Buffer.alloc(64, 5),
      keyId: 'some-key',
    });
    await enqueueCommands(one.parts, world.orgId, [queued]);
    const expected = {
      id: queued.id,
      agentId: peer.keys.agentId,
      fence: 3n,
      needsPermit: true,
      keyId: 'some-key',
      startBy: { seconds: BigInt(Math.floor(queued.startBy.getTime() / 1_000)) },
      runTimeout: { seconds: 61n, nanos: 234_000_000 },
    };
    const first = peer.dial(one.endpoint);
    const seen = await until('the command', () => first.last('command'));
    expect(seen).toMatchObject(expected);
    expect(Buffer.from(seen.payload)).toEqual(payload);
    expect(Buffer.from(seen.signature)).toEqual(Buffer.alloc(64, 5));
    expect(first.last('welcome')?.commandKeys).toMatchObject({ version: 7n, keys: [{ keyId: 'k' }] });
    await until('it to be permitted', () => first.last('permit'));
    first.close();
    peer.journal.clear();
    const again = peer.dial(one.endpoint);
    const repeated = await until('the command once more', () => again.last('command'));
    expect(repeated).toMatchObject(expected);
    expect(Buffer.from(repeated.signature)).toEqual(Buffer.alloc(64, 5));
    again.close();
  });

  it('that takes effect can not be stored as one that needs no permit', () => {
    const payload = create(CommandPayloadSchema, { op: { case: 'deleteServer', value: { orgId: world.orgId } } });
    const wanted = {
      id: newId('cmd'),
      agentId: newId('agt'),
      resourceKey: 'r',
      fence: 1n,
      payload: Buffer.from(toBinary(CommandPayloadSchema, payload)),
      startBy: new Date(),
      runTimeoutMs: 1,
      traceparent: '',
    };
    expect(() => readCommand({ ...wanted, needsPermit: false })).toThrow(/needs_permit/);
    expect(() => readCommand({ ...wanted, payload: Buffer.from('garbage'), needsPermit: true })).toThrow(/payload/);
  });
});

describe('the keys of commands', () => {
  it('come with the enrolment', async () => {
    const { token } = await createJoinToken(world.enrollment, world.caller, 'keyed');
    const { csr } = await makeRequest();
    const transport = createConnectTransport({ baseUrl: world.origin, httpVersion: '1.1' });
    const answer = await createClient(EnrollmentService, transport).enroll(enrollRequest(token, csr));
    expect(answer.commandKeys).toMatchObject({ version: 7n, keys: [{ keyId: 'k' }] });
  });

  it('are asked for until they are known, and kept when orchestration is away', async () => {
    const isThere = [false, true, false];
    let asked = 0;
    const set = create(CommandKeySetSchema, { version: 1n });
    const ask = () => (isThere[asked++] === true ? Promise.resolve(set) : Promise.reject(new Error('away')));
    const board = new CommandKeyBoard(ask, createLogger('test', 'error'));
    await expect(board.need()).rejects.toBeInstanceOf(CommandKeysUnknownProblem);
    expect(await board.need()).toBe(set);
    expect(await board.need()).toBe(set);
    expect(asked).toBe(2);
  });
});

describe('a command that the site refuses', () => {
  const violation = {
    reason: 'POLICY_VIOLATION',
    message: 'The site does not allow it.',
    parameters: { rule: 'vmids', wanted: '300', allowed: '200-299', other: 'x'.repeat(10_000) },
  };
  const eventsOf = async (resourceId: string) => {
    const sql = 'select type as name, data from ledger.event where resource_id = $1';
    return (await database.admin.query<{ name: string; data: object }>(sql, [resourceId])).rows;
  };
  const enqueue = async (agentId: string) => {
    const payload = create(CommandPayloadSchema, { op: { case: 'ensureServer', value: { orgId: world.orgId } } });
    const command = queuedOf({
      id: newId('cmd'),
      agentId,
      resourceKey: `pve:test/${newId('srv')}`,
      fence: 1n,
      payload,
      startBy: new Date(Date.now() + 60_000),
      runTimeoutMs: 60_000,
      traceparent: '',
    });
    await enqueueCommands(one.parts, world.orgId, [command]);
    return command.id;
  };
  const endOf = (id: string) =>
    until('its end', async () => {
      const [row] = await getCommands(one.parts, world.orgId, [id]);
      return row?.state === 'REJECTED' ? row : undefined;
    });

  it.each(['POLICY_VIOLATION', 'POLICY_INVALID', 'SIGNATURE_INVALID', 'NOT_FOR_THIS_AGENT', 'START_BY_PASSED'])(
    'leaves an event in the audit with its end, once: %s',
    async (reason) => {
      const peer = new Peer(await enrolPeer(world, newId('agt').slice(4, 14).replace(/^\d/, 'a')), authority());
      peer.refuses = { ...violation, reason };
      const stream = peer.dial(one.endpoint);
      const id = await enqueue(peer.keys.agentId);
      const row = await endOf(id);
      expect(fromBinary(FailureSchema, row.failure ?? new Uint8Array())).toMatchObject({ reason });
      expect(await eventsOf(id)).toEqual([
        {
          name: 'dev.truffle.command.refused_by_site.v1',
          data: expect.objectContaining({
            agentId: peer.keys.agentId,
            reason,
            message: violation.message,
            rule: 'vmids',
            wanted: '300',
            allowed: '200-299',
          }) as object,
        },
      ]);
      stream.close();
    },
  );

  it('for another reason is nobody’s crime', async () => {
    const peer = new Peer(await enrolPeer(world, 'plain-refusal'), authority());
    peer.refuses = { reason: 'FENCED', message: 'A newer intent is known.' };
    const stream = peer.dial(one.endpoint);
    const id = await enqueue(peer.keys.agentId);
    await endOf(id);
    expect(await eventsOf(id)).toEqual([]);
    stream.close();
  });
});

import { create } from '@bufbuild/protobuf';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { newId } from '@truffle/ids';
import { testDatabase, testEngines, until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteAgent, getAgent, pingAgent } from './agent/agent.usecases.ts';
import { createJoinToken, enroll } from './agent/enrollment.usecases.ts';
import {
  cancelCommands,
  enqueueCommands,
  getCommands,
  listCommandLogs,
  PayloadMismatchProblem,
  queuedOf,
} from './command/command.usecases.ts';
import { agentGatewayMigrations } from './migrations.ts';
import { enrollRequest, enrolPeer, makeRequest, Peer } from './testing/peer.ts';
import { makeWorld, type Running, type World } from './testing/world.ts';

let world: World;
let one: Running;

beforeAll(async () => {
  world = await makeWorld(await testDatabase([agentGatewayMigrations]), testEngines().natsUrl);
  one = await world.startGateway();
});
afterAll(() => world?.close());

const effectful = (
  agentId: string,
  over: { id?: string; resourceKey?: string; startBy?: Date; name?: string; operationId?: string } = {},
) =>
  queuedOf({
    id: over.id ?? newId('cmd'),
    agentId,
    resourceKey: over.resourceKey ?? `pve:test/${newId('srv')}`,
    fence: 1n,
    payload: create(CommandPayloadSchema, {
      op: { case: 'ensureServer', value: { name: over.name ?? 'a', orgId: world.orgId } },
    }),
    startBy: over.startBy ?? new Date(Date.now() + 60_000),
    runTimeoutMs: 60_000,
    traceparent: '',
    operationId: over.operationId ?? '',
  });

async function newPeer(name: string): Promise<Peer> {
  return new Peer(await enrolPeer(world, name), world.enrollment.authorities.pem);
}
const stateOf = async (id: string) => (await getCommands(one.parts, world.orgId, [id]))[0]?.state;
const agentState = async (id: string) => (await getAgent(one.parts, world.orgId, id)).row.state;
const online = (agentId: string) => until(`${agentId} online`, async () => (await agentState(agentId)) === 'ONLINE');

describe('enrolment', () => {
  it('gives the same request the same certificate, and refuses and revokes at another one', async () => {
    const { token } = await createJoinToken(world.enrollment, world.caller, 'enrol-twice');
    const { csr } = await makeRequest();
    const first = await enroll(world.enrollment, world.caller, enrollRequest(token, csr));
    const again = await enroll(world.enrollment, world.caller, enrollRequest(token, csr));
    expect(again.certificate.equals(first.certificate)).toBe(true);
    const other = await makeRequest();
    await expect(enroll(world.enrollment, world.caller, enrollRequest(token, other.csr))).rejects.toMatchObject({
      reason: 'JOIN_TOKEN_INVALID',
    });
    expect(await agentState(first.agentId)).toBe('REVOKED');
    await expect(enroll(world.enrollment, world.caller, enrollRequest(token, csr))).rejects.toMatchObject({
      reason: 'JOIN_TOKEN_INVALID',
    });
  });

  it('refuses tokens that were never made and requests that are none', async () => {
    const { csr } = await makeRequest();
    await expect(enroll(world.enrollment, world.caller, enrollRequest('tfj_nothing', csr))).rejects.toMatchObject({
      reason: 'JOIN_TOKEN_INVALID',
    });
    const { token } = await createJoinToken(world.enrollment, world.caller, 'bad-csr');
    await expect(enroll(world.enrollment, world.caller, enrollRequest(token, Buffer.alloc(80)))).rejects.toMatchObject({
      reason: 'INVALID_ARGUMENT',
    });
  });
});

describe('a session', () => {
  it('comes online, answers a ping and goes offline', async () => {
    const peer = await newPeer('pinged');
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    expect(await pingAgent(one.parts, world.caller, peer.keys.agentId)).toBeLessThan(5_000);
    stream.close();
    await until('offline', async () => (await agentState(peer.keys.agentId)) === 'OFFLINE');
    await expect(pingAgent(one.parts, world.caller, peer.keys.agentId)).rejects.toMatchObject({
      reason: 'AGENT_OFFLINE',
    });
  });

  it('gives way to a newer one of the same agent', async () => {
    const peer = await newPeer('twice');
    const old = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const fresh = peer.dial(one.endpoint);
    await until('the old one is refused', () => old.last('refusal')?.reason === 'SUPERSEDED');
    await until('welcome', () => fresh.last('welcome'));
    expect(await pingAgent(one.parts, world.caller, peer.keys.agentId)).toBeGreaterThan(0);
    fresh.close();
  });

  it('quarantines a copy of an agent at its first handshake', async () => {
    const peer = await newPeer('cloned');
    const before = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const stolen = peer.continuity;
    before.close();
    const next = peer.dial(one.endpoint);
    await until('welcome', () => next.last('welcome'));
    await online(peer.keys.agentId);
    const copy = peer.dial(one.endpoint, { continuity: stolen });
    await until('conflict', () => copy.last('refusal')?.reason === 'IDENTITY_CONFLICT');
    expect(await agentState(peer.keys.agentId)).toBe('QUARANTINED');
    await expect(enqueueCommands(one.parts, world.orgId, [effectful(peer.keys.agentId)])).rejects.toMatchObject({
      reason: 'AGENT_QUARANTINED',
    });
    const rolledBack = await newPeer('rolled-back');
    const good = rolledBack.dial(one.endpoint, { journalLsn: 50n });
    await online(rolledBack.keys.agentId);
    good.close();
    const restored = rolledBack.dial(one.endpoint, { journalLsn: 20n });
    await until('conflict', () => restored.last('refusal')?.reason === 'IDENTITY_CONFLICT');
  });

  it('ends within 5 s of a revocation, and no other certificate gets in', async () => {
    const peer = await newPeer('revoked');
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const began = Date.now();
    await deleteAgent(one.parts, world.caller, peer.keys.agentId, 0n);
    await until('refused', () => stream.last('refusal')?.reason === 'AGENT_REVOKED', 5_000);
    expect(Date.now() - began).toBeLessThan(5_000);
    const again = peer.dial(one.endpoint);
    await until('refused', () => again.last('refusal')?.reason === 'AGENT_REVOKED');
  });

  it('is not had by a foreign certificate', async () => {
    const { key } = await makeRequest();
    const peer = await newPeer('foreign');
    const { Authority } = await import('./authority/authority.ts');
    const { mkdtempSync, rmSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/truffle-ca-');
    const other = await Authority.open(`${folder}/ca`);
    const request = await makeRequest();
    const { der } = await other.issueAgent(request.csr, peer.keys, 60_000);
    const forged = new Peer(
      {
        ...peer.keys,
        key: request.key,
        certificate: `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`,
      },
      world.enrollment.authorities.pem,
    );
    const stream = forged.dial(one.endpoint);
    await until('ended', () => stream.ended);
    expect(stream.frames).toEqual([]);
    expect(key).toContain('PRIVATE KEY');
    rmSync(folder, { recursive: true });
  });
});

describe('a command', () => {
  it('is permitted once, ends, and is the same when it is stored again', async () => {
    const peer = await newPeer('worker');
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const commands = Array.from({ length: 200 }, () => effectful(peer.keys.agentId));
    await enqueueCommands(one.parts, world.orgId, commands);
    await enqueueCommands(one.parts, world.orgId, commands);
    await until('all ended', async () =>
      (
        await getCommands(
          one.parts,
          world.orgId,
          commands.map((c) => c.id),
        )
      ).every((c) => c.state === 'SUCCEEDED'),
    );
    expect([...peer.effects.values()].every((n) => n === 1)).toBe(true);
    expect(peer.effects.size).toBe(200);
    const [first] = commands;
    await expect(
      enqueueCommands(one.parts, world.orgId, [effectful(peer.keys.agentId, { id: first?.id ?? '', name: 'other' })]),
    ).rejects.toBeInstanceOf(PayloadMismatchProblem);
    stream.close();
  });

  it('takes its turn on its resource', async () => {
    const peer = await newPeer('one-resource');
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const commands = Array.from({ length: 5 }, () => effectful(peer.keys.agentId, { resourceKey: 'pve:test/one' }));
    await enqueueCommands(one.parts, world.orgId, commands);
    await until('all ended', async () =>
      (
        await getCommands(
          one.parts,
          world.orgId,
          commands.map((c) => c.id),
        )
      ).every((c) => c.state === 'SUCCEEDED'),
    );
    expect(peer.effects.size).toBe(5);
    stream.close();
  });

  it('never takes effect when it was cancelled or expired before its permit', async () => {
    const peer = await newPeer('late');
    const [cancelled, expired] = [
      effectful(peer.keys.agentId),
      effectful(peer.keys.agentId, { startBy: new Date(Date.now() + 200) }),
    ];
    await enqueueCommands(one.parts, world.orgId, [cancelled, expired]);
    await cancelCommands(one.parts, world.orgId, [cancelled.id]);
    expect(await stateOf(cancelled.id)).toBe('CANCELLED');
    await until('expired', async () => (await stateOf(expired.id)) === 'EXPIRED');
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    await pingAgent(one.parts, world.caller, peer.keys.agentId);
    expect(peer.effects.size).toBe(0);
    stream.close();
  });

  it('that was permitted is carried over a crash of the gateway and ends', async () => {
    const two = await world.startGateway();
    const peer = await newPeer('survivor');
    peer.answers = false;
    const stream = peer.dial(two.endpoint);
    await online(peer.keys.agentId);
    const command = effectful(peer.keys.agentId);
    await enqueueCommands(one.parts, world.orgId, [command]);
    await until('permit', () => stream.last('permit'));
    two.crash();
    await until('stream gone', () => stream.ended);
    expect(await stateOf(command.id)).toBe('RUNNING');
    peer.answers = true;
    const entry = peer.journal.get(command.id);
    if (entry !== undefined) entry.ended = true;
    const again = peer.dial(one.endpoint);
    await until('ended', async () => (await stateOf(command.id)) === 'SUCCEEDED');
    expect(peer.effects.get(command.id)).toBe(1);
    expect(again.frames.filter((f) => f.case === 'permit')).toEqual([]);
    again.close();
  });

  it('is not known any more when its agent lost its journal', async () => {
    const peer = await newPeer('amnesiac');
    peer.answers = false;
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const command = effectful(peer.keys.agentId);
    await enqueueCommands(one.parts, world.orgId, [command]);
    await until('permit', () => stream.last('permit'));
    stream.close();
    await until('offline', async () => (await agentState(peer.keys.agentId)) === 'OFFLINE');
    const reborn = new Peer(peer.keys, world.enrollment.authorities.pem);
    const again = reborn.dial(one.endpoint);
    await until('unknown', async () => (await stateOf(command.id)) === 'UNKNOWN');
    const next = effectful(peer.keys.agentId, { resourceKey: command.resourceKey });
    await enqueueCommands(one.parts, world.orgId, [next]);
    await until('accepted', async () => (await stateOf(next.id)) === 'ACCEPTED');
    expect(reborn.effects.size).toBe(0);
    again.close();
  });

  it('keeps every line of its log, in order, each once', async () => {
    const peer = await newPeer('logger');
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const operationId = newId('op');
    const command = effectful(peer.keys.agentId, { operationId });
    await enqueueCommands(one.parts, world.orgId, [command]);
    for (let n = 1; n <= 50; n++)
      for (let twice = 0; twice < 2; twice++)
        stream.send({
          case: 'logs',
          value: {
            $typeName: 'truffle.agent.v1.LogBatch',
            commandId: command.id,
            entries: [{ $typeName: 'truffle.agent.v1.LogEntry', n: BigInt(n), stream: 'stdout', text: `line ${n}\0` }],
          },
        });
    const lines: string[] = [];
    let after = '';
    await until('all lines', async () => {
      const got = await listCommandLogs(one.parts, world.orgId, { operationId, after, limit: 7 });
      lines.push(...got.rows.map((row) => row.text));
      after = got.next;
      return lines.length >= 50;
    });
    expect(lines).toEqual(Array.from({ length: 50 }, (_, i) => `line ${i + 1}\uFFFD`));
    stream.close();
  });
});

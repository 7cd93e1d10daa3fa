import { create } from '@bufbuild/protobuf';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { newId } from '@truffle/ids';
import { connectBell, type Bell } from '@truffle/kit';
import { createLogger } from '@truffle/telemetry';
import { enrolmentWords } from '@truffle/sealing';
import { testDatabase, testEngines, until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admitAgent, deleteAgent, freeAgent, getAgent } from './agent/agent.usecases.ts';
import { createJoinToken, enroll } from './agent/enrollment.usecases.ts';
import { fingerprintOf } from './session/admission.ts';
import { keyOfRequest } from './authority/authority.ts';
import { enqueueCommands, getCommands, queuedOf } from './command/command.usecases.ts';
import { hashOf } from './join-token/join-token.ts';
import { agentGatewayMigrations } from './migrations.ts';
import { renewPeer } from './testing/call.ts';
import { enrollRequest, enrolPeer, makeRequest, Peer, pemOf } from './testing/peer.ts';
import { makeWorld, type Running, type World } from './testing/world.ts';

let world: World;
let one: Running;

beforeAll(async () => {
  world = await makeWorld(await testDatabase([agentGatewayMigrations]), testEngines().natsUrl);
  one = await world.startGateway();
});
afterAll(() => world?.close());

const newPeer = async (name: string): Promise<Peer> =>
  new Peer(await enrolPeer(world, name), world.enrollment.authorities.pem);
const viewOf = (id: string) => getAgent(one.parts, world.orgId, id);
const stateOf = async (id: string) => (await viewOf(id)).row.state;
const online = (agentId: string) => until(`${agentId} online`, async () => (await stateOf(agentId)) === 'ONLINE');
const holderOf = ({ incarnation, continuity }: { incarnation: string; continuity: Uint8Array }): string =>
  fingerprintOf(incarnation, continuity.length === 0 ? '' : hashOf(continuity).toString('hex'));
const command = (agentId: string, op: 'ensureServer' | 'deleteServer' = 'ensureServer') =>
  queuedOf({
    id: newId('cmd'),
    agentId,
    resourceKey: `pve:test/${newId('srv')}`,
    fence: 1n,
    payload: create(CommandPayloadSchema, { op: { case: op, value: {} } }),
    startBy: new Date(Date.now() + 60_000),
    runTimeoutMs: 60_000,
    traceparent: '',
  });
const commandState = async (id: string) => (await getCommands(one.parts, world.orgId, [id]))[0]?.state;

/** An agent and a copy of it that was taken one session ago; both have dialled, and the agent is quarantined. */
async function copied(name: string) {
  const original = await newPeer(name);
  const first = original.dial(one.endpoint);
  await online(original.keys.agentId);
  const copy = new Peer(original.keys, original.authority);
  Object.assign(copy, { incarnation: original.incarnation, continuity: original.continuity, lsn: original.lsn });
  first.close();
  await until('offline', async () => (await stateOf(original.keys.agentId)) === 'OFFLINE');
  const second = original.dial(one.endpoint);
  await online(original.keys.agentId);
  copy.lsn = original.lsn + 5n;
  const conflict = copy.dial(one.endpoint);
  await until('conflict', () => conflict.last('refusal')?.reason === 'IDENTITY_CONFLICT');
  await until('the original too', () => second.last('refusal')?.reason === 'QUARANTINED');
  return { original, copy, agentId: original.keys.agentId };
}

describe('quarantine', () => {
  it('says why, since when and who; the chosen holder goes on and the other one is refused without a new quarantine', async () => {
    const { original, copy, agentId } = await copied('two-of-them');
    const { quarantine, row } = await viewOf(agentId);
    expect(quarantine?.row).toMatchObject({ reason: 'IDENTITY_CONFLICT' });
    expect(quarantine?.row.since.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(quarantine?.holders.flatMap((h) => h.fingerprints)).toEqual([holderOf(original), holderOf(copy)]);
    const wanted = { agentId, revision: BigInt(row.revision), holder: holderOf(original) };
    await expect(freeAgent(one.parts, world.caller, { ...wanted, revision: 1n })).rejects.toMatchObject({
      reason: 'STALE_REVISION',
    });
    await expect(freeAgent(one.parts, world.caller, { ...wanted, holder: '' })).rejects.toMatchObject({
      reason: 'HOLDER_UNKNOWN',
      parameters: { holders: `${holderOf(original)}, ${holderOf(copy)}` },
    });
    const freed = await freeAgent(one.parts, world.caller, wanted);
    expect([freed.row.state, freed.quarantine]).toEqual(['OFFLINE', undefined]);
    const loser = copy.dial(one.endpoint);
    await until('refused', () => loser.last('refusal')?.reason === 'NOT_CHOSEN');
    expect(await stateOf(agentId)).toBe('OFFLINE');
    const stream = original.dial(one.endpoint);
    await online(agentId);
    const again = copy.dial(one.endpoint);
    await until('refused again', () => again.last('refusal')?.reason === 'NOT_CHOSEN');
    expect(await stateOf(agentId)).toBe('ONLINE');
    stream.close();
  });

  it('takes the copy for a new installation: what the original may have done is not known, and not done again', async () => {
    const peer = await newPeer('restored');
    peer.answers = false;
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const backup = { continuity: peer.continuity, lsn: peer.lsn };
    const running = command(peer.keys.agentId);
    await enqueueCommands(one.parts, world.orgId, [running]);
    await until('permit', () => stream.last('permit'));
    stream.close();
    await until('offline', async () => (await stateOf(peer.keys.agentId)) === 'OFFLINE');
    const whole = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    whole.close();
    await until('offline', async () => (await stateOf(peer.keys.agentId)) === 'OFFLINE');
    const restored = new Peer(peer.keys, peer.authority);
    Object.assign(restored, { incarnation: peer.incarnation, ...backup });
    const refused = restored.dial(one.endpoint);
    await until('conflict', () => refused.last('refusal')?.reason === 'IDENTITY_CONFLICT');
    await freeAgent(one.parts, world.caller, { agentId: peer.keys.agentId, revision: 0n, holder: holderOf(restored) });
    const back = restored.dial(one.endpoint);
    await until('unknown', async () => (await commandState(running.id)) === 'UNKNOWN');
    expect(restored.effects.size).toBe(0);
    back.close();
  });

  it('lets a journal that went back under its last token begin anew', async () => {
    const peer = await newPeer('rolled-back');
    const stream = peer.dial(one.endpoint, { journalLsn: 50n });
    await online(peer.keys.agentId);
    stream.close();
    await until('offline', async () => (await stateOf(peer.keys.agentId)) === 'OFFLINE');
    const back = peer.dial(one.endpoint, { journalLsn: 20n });
    await until('conflict', () => back.last('refusal')?.reason === 'IDENTITY_CONFLICT');
    await freeAgent(one.parts, world.caller, { agentId: peer.keys.agentId, revision: 0n, holder: holderOf(peer) });
    const again = peer.dial(one.endpoint, { journalLsn: 20n });
    await online(peer.keys.agentId);
    again.close();
  });

  it('ends with a new enrolment too', async () => {
    const { agentId, copy } = await copied('enrolled-anew');
    const keys = await enrolPeer(world, 'enrolled-anew');
    expect(keys.agentId).toBe(agentId);
    expect((await viewOf(agentId)).quarantine).toBeUndefined();
    const fresh = new Peer(keys, copy.authority).dial(one.endpoint);
    await online(agentId);
    fresh.close();
  });
});

describe('approval by fingerprint words', () => {
  it('keeps an agent without work until its words are given', async () => {
    const { token } = await createJoinToken(world.enrollment, world.caller, 'unapproved', true);
    const { csr, key } = await makeRequest();
    const request = enrollRequest(token, csr);
    const { agentId, orgId, certificate, pending } = await enroll(world.enrollment, world.caller, request);
    expect(pending).toBe(true);
    const { identity } = await enrolPeer(world, 'spare');
    const peer = new Peer(
      { agentId, orgId, key, certificate: pemOf(certificate), identity },
      world.enrollment.authorities.pem,
    );
    const early = peer.dial(one.endpoint);
    const refusal = await until('refused', () => early.last('refusal'));
    expect(refusal).toMatchObject({ reason: 'APPROVAL_PENDING', retryAfterMs: 10_000 });
    await expect(renewPeer(one.endpoint, peer.authority, peer.keys, (await makeRequest()).csr)).rejects.toMatchObject({
      code: 7,
    });
    const words = enrolmentWords({
      mtls: await keyOfRequest(csr),
      identity: request.identityPublicKey,
      sealing: request.sealingPublicKey,
    });
    const relayed = enrolmentWords({
      mtls: await keyOfRequest((await makeRequest()).csr),
      identity: request.identityPublicKey,
      sealing: request.sealingPublicKey,
    });
    await expect(
      admitAgent(one.parts, world.caller, { agentId, revision: 0n, fingerprint: relayed }),
    ).rejects.toMatchObject({ reason: 'FINGERPRINT_MISMATCH' });
    expect(await stateOf(agentId)).toBe('PENDING_APPROVAL');
    const spoken = ` ${words.replaceAll('-', ' ').toUpperCase()} `;
    for (let twice = 0; twice < 2; twice++)
      await admitAgent(one.parts, world.caller, { agentId, revision: 0n, fingerprint: spoken });
    const stream = peer.dial(one.endpoint);
    await online(agentId);
    stream.close();
  });

  it('is not asked of other agents', async () => {
    const { agentId } = await enrolPeer(world, 'trusted');
    await expect(
      admitAgent(one.parts, world.caller, { agentId, revision: 0n, fingerprint: 'any words' }),
    ).rejects.toMatchObject({ reason: 'APPROVAL_NOT_WANTED' });
  });
});

describe('revocation', () => {
  it('is in force within 5 s at a gateway that hears no doorbell, and no permit goes out meanwhile', async () => {
    const bell = await deafBell();
    const two = await world.startGateway({ bell });
    const peer = await newPeer('far-away');
    const stream = peer.dial(two.endpoint);
    await online(peer.keys.agentId);
    const waiting = command(peer.keys.agentId);
    await enqueueCommands(two.parts, world.orgId, [waiting]);
    await until('it works', async () => (await commandState(waiting.id)) === 'SUCCEEDED');
    peer.answers = false;
    const began = Date.now();
    await deleteAgent(one.parts, world.caller, peer.keys.agentId, 0n);
    const late = command(peer.keys.agentId);
    await expect(enqueueCommands(two.parts, world.orgId, [late])).rejects.toMatchObject({ reason: 'AGENT_REVOKED' });
    expect(stream.ended).toBe(false);
    const permits = stream.frames.filter((frame) => frame.case === 'permit').length;
    stream.send({
      case: 'accepted',
      value: { $typeName: 'truffle.agent.v1.Accepted', commandId: late.id, payloadSha256: late.payloadSha256 },
    });
    await until('closed', () => stream.last('refusal')?.reason === 'AGENT_REVOKED', 6_000);
    expect(Date.now() - began).toBeLessThan(5_000);
    expect(stream.frames.filter((frame) => frame.case === 'permit')).toHaveLength(permits);
    await two.close();
    await bell.close();
  });

  it('cancels what waits and permits nothing that was accepted before', async () => {
    const bell = await deafBell();
    const two = await world.startGateway({ bell });
    const peer = await newPeer('accepted-before');
    peer.answers = false;
    const stream = peer.dial(two.endpoint);
    await online(peer.keys.agentId);
    const [running, waiting] = [command(peer.keys.agentId), command(peer.keys.agentId)];
    const second = { ...waiting, resourceKey: running.resourceKey };
    await enqueueCommands(two.parts, world.orgId, [running, second]);
    await until('one runs, one waits', async () => (await commandState(second.id)) === 'ACCEPTED');
    await deleteAgent(one.parts, world.caller, peer.keys.agentId, 0n);
    peer.answers = true;
    stream.send({
      case: 'accepted',
      value: { $typeName: 'truffle.agent.v1.Accepted', commandId: second.id, payloadSha256: second.payloadSha256 },
    });
    await until('closed', () => stream.last('refusal')?.reason === 'AGENT_REVOKED', 6_000);
    expect(await commandState(second.id)).toBe('CANCELLED');
    expect(peer.effects.has(second.id)).toBe(false);
    await two.close();
    await bell.close();
  });

  /** A doorbell at NATS itself from which every subscription is taken away: what is rung does not arrive. */
  async function deafBell(): Promise<Bell> {
    const bell = await connectBell(testEngines().natsUrl, 'deaf', createLogger('test', 'error'));
    return { ...bell, ring: () => undefined, listen: (...heard) => (bell.listen(...heard)(), () => undefined) };
  }
});

describe('a kind of command that the agent does not know', () => {
  it('is refused before it is queued', async () => {
    const peer = await newPeer('simple');
    const stream = peer.dial(one.endpoint, { capabilities: ['ping', 'ensureServer'] });
    await online(peer.keys.agentId);
    const unknown = command(peer.keys.agentId, 'deleteServer');
    await expect(enqueueCommands(one.parts, world.orgId, [unknown])).rejects.toMatchObject({
      reason: 'AGENT_UNABLE',
      parameters: { op: 'deleteServer' },
    });
    expect(await commandState(unknown.id)).toBeUndefined();
    stream.close();
  });
});

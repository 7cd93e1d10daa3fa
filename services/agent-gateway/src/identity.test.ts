import { createHash, sign, X509Certificate } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { RecoverAgentRequestSchema } from '@truffle/api/agent/v1/recovery_service';
import { sql } from 'kysely';
import { recoveryBytes } from '@truffle/sealing';
import { testDatabase, testEngines, until, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freeAgent, getAgent } from './agent/agent.usecases.ts';
import { recoverAgent, recoveryChallenge } from './agent/recovery.usecases.ts';
import { agentGatewayMigrations } from './migrations.ts';
import { renewPeer } from './testing/call.ts';
import { enrolPeer, makeRequest, Peer, pemOf } from './testing/peer.ts';
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

const newPeer = async (name: string): Promise<Peer> =>
  new Peer(await enrolPeer(world, name), world.enrollment.authorities.pem);
const rowOf = async (id: string) => (await getAgent(one.parts, world.orgId, id)).row;
const online = (agentId: string) => until(`${agentId} online`, async () => (await rowOf(agentId)).state === 'ONLINE');
const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;
/** The minute between two certificates of one agent is over. */
const aMinuteLater = (agentId: string) =>
  one.parts.database.tenant(world.orgId, (tx) =>
    tx
      .updateTable('agent_gateway.agent')
      .set({ next_issued_at: sql<Date>`now() - interval '2 minutes'` })
      .where('id', '=', agentId)
      .execute(),
  );
const eventsOf = async (agentId: string): Promise<string[]> => {
  const { rows } = await database.admin.query<{ type: string }>(
    'select type from ledger.event where resource_id = $1 order by occurred_at, id',
    [agentId],
  );
  return rows.map((row) => row.type.replace(/^dev\.truffle\.|\.v1$/g, ''));
};

describe('renewal', () => {
  it('gives the same request the same certificate, also to who shows the new one, and accepts both until a session has it', async () => {
    const peer = await newPeer('renewing');
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    const old = peer.keys;
    const { csr, key } = await makeRequest();
    const first = await renewPeer(one.endpoint, peer.authority, old, csr);
    const again = await renewPeer(one.endpoint, peer.authority, old, csr);
    expect(Buffer.from(again.certificate)).toEqual(Buffer.from(first.certificate));
    const next = { ...old, key, certificate: pemOf(first.certificate) };
    expect(serialOf(next.certificate)).not.toBe(serialOf(old.certificate));
    const tried = await renewPeer(one.endpoint, peer.authority, next, csr);
    expect(Buffer.from(tried.certificate)).toEqual(Buffer.from(first.certificate));
    expect((await rowOf(old.agentId)).certificate_serial).toBe(serialOf(old.certificate));
    expect(stream.ended).toBe(false);
    const back = peer.dial(one.endpoint);
    await until('the old pair still gets in', () => back.last('welcome'));
    peer.keys = next;
    const fresh = peer.dial(one.endpoint);
    await until('the new pair is the one', async () => (await rowOf(old.agentId)).next_serial === null);
    const row = await rowOf(old.agentId);
    expect(row.certificate_serial).toBe(serialOf(next.certificate));
    expect(row.certificate_ends?.getTime()).toBe(new X509Certificate(next.certificate).validToDate.getTime());
    peer.keys = old;
    const late = peer.dial(one.endpoint);
    await until('the old pair ended', () => late.last('refusal')?.reason === 'CERTIFICATE_SUPERSEDED');
    await expect(renewPeer(one.endpoint, peer.authority, old, csr)).rejects.toMatchObject({ code: 7 });
    expect(fresh.ended).toBe(false);
    expect(await eventsOf(old.agentId)).toContain('agent.certificate_renewed');
    fresh.close();
  });

  it('gives one certificate a minute, and takes a request that came after a lost folder in place of the one before', async () => {
    const peer = await newPeer('forgetful');
    const [lost, kept] = [await makeRequest(), await makeRequest()];
    await renewPeer(one.endpoint, peer.authority, peer.keys, lost.csr);
    await expect(renewPeer(one.endpoint, peer.authority, peer.keys, kept.csr)).rejects.toMatchObject({ code: 8 });
    await aMinuteLater(peer.keys.agentId);
    const { certificate } = await renewPeer(one.endpoint, peer.authority, peer.keys, kept.csr);
    peer.keys = { ...peer.keys, key: kept.key, certificate: pemOf(certificate) };
    // Renews again with the pair that no session was opened with.
    await aMinuteLater(peer.keys.agentId);
    const third = await makeRequest();
    const last = await renewPeer(one.endpoint, peer.authority, peer.keys, third.csr);
    expect((await rowOf(peer.keys.agentId)).certificate_serial).toBe(serialOf(peer.keys.certificate));
    peer.keys = { ...peer.keys, key: third.key, certificate: pemOf(last.certificate) };
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    stream.close();
  });

  it('ends a session with its certificate', async () => {
    const short = await world.startGateway({ enrollment: { ...world.enrollment, certificateMs: 3_000 } });
    const peer = await newPeer('short');
    const { csr, key } = await makeRequest();
    const { certificate } = await renewPeer(short.endpoint, peer.authority, peer.keys, csr);
    peer.keys = { ...peer.keys, key, certificate: pemOf(certificate) };
    const stream = peer.dial(short.endpoint);
    await until('ended', () => stream.last('refusal')?.reason === 'CERTIFICATE_ENDED', 8_000);
    const again = peer.dial(short.endpoint);
    await until('not through the handshake', () => again.ended);
    expect(again.frames).toEqual([]);
    await short.close();
  });

  it('is refused in quarantine and after a revocation, and bad requests are told from others', async () => {
    const peer = await newPeer('unworthy');
    const { csr } = await makeRequest();
    await expect(renewPeer(one.endpoint, peer.authority, peer.keys, Buffer.alloc(100))).rejects.toMatchObject({
      code: 3,
    });
    for (const state of ['QUARANTINED', 'REVOKED'] as const) {
      await one.parts.database.tenant(world.orgId, (tx) =>
        tx.updateTable('agent_gateway.agent').set({ state }).where('id', '=', peer.keys.agentId).execute(),
      );
      await expect(renewPeer(one.endpoint, peer.authority, peer.keys, csr)).rejects.toMatchObject({ code: 7 });
    }
  });
});

describe('recovery by the identity key', () => {
  const recover = async (
    peer: Peer,
    csr: Buffer,
    over: { continuity?: Uint8Array; agentId?: string; sign?: Peer } = {},
  ) => {
    const agentId = over.agentId ?? peer.keys.agentId;
    const continuity = over.continuity ?? peer.continuity;
    const statement = {
      agentId,
      challenge: new Uint8Array(recoveryChallenge(world.enrollment, agentId, new Date()).challenge),
      csr: new Uint8Array(csr),
      incarnation: peer.incarnation,
      journalLsn: peer.lsn,
      continuitySha256: new Uint8Array(continuity.length === 0 ? [] : createHash('sha256').update(continuity).digest()),
    };
    const signature = new Uint8Array(sign(null, recoveryBytes(statement), (over.sign ?? peer).keys.identity));
    return recoverAgent(world.enrollment, world.caller, create(RecoverAgentRequestSchema, { ...statement, signature }));
  };
  const refused = { reason: 'RECOVERY_REFUSED' };
  const seen = async (name: string): Promise<Peer> => {
    const peer = await newPeer(name);
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    stream.close();
    await until('offline', async () => (await rowOf(peer.keys.agentId)).state === 'OFFLINE');
    return peer;
  };

  it('brings an agent back, once; the same request gets the same certificate; a person may allow more', async () => {
    const peer = await seen('long-away');
    const { csr, key } = await makeRequest();
    const first = await recover(peer, csr);
    expect((await recover(peer, csr)).equals(first)).toBe(true);
    peer.keys = { ...peer.keys, key, certificate: pemOf(first) };
    const stream = peer.dial(one.endpoint);
    await online(peer.keys.agentId);
    stream.close();
    const again = await makeRequest();
    await expect(recover(peer, again.csr)).rejects.toMatchObject(refused);
    await expect(recover(peer, again.csr)).rejects.toMatchObject(refused);
    const events = await eventsOf(peer.keys.agentId);
    expect(events.filter((name) => name === 'agent.recovery_refused')).toHaveLength(1);
    expect(events).toContain('agent.recovered');
    await freeAgent(one.parts, world.caller, { agentId: peer.keys.agentId, revision: 0n, holder: '' });
    expect(await recover(peer, again.csr)).toBeInstanceOf(Buffer);
  });

  it('answers every wrong case alike', async () => {
    const peer = await seen('guarded');
    const stranger = await newPeer('stranger');
    const { csr } = await makeRequest();
    await expect(recover(peer, csr, { sign: stranger })).rejects.toMatchObject(refused);
    await expect(recover(peer, csr, { agentId: 'agt_00000000000000000000000000' })).rejects.toMatchObject(refused);
    const old = recoveryChallenge(world.enrollment, peer.keys.agentId, new Date(Date.now() - 600_000)).challenge;
    const foreign = recoveryChallenge(world.enrollment, stranger.keys.agentId, new Date()).challenge;
    for (const challenge of [old, foreign, Buffer.alloc(40)]) {
      const request = create(RecoverAgentRequestSchema, {
        agentId: peer.keys.agentId,
        challenge: new Uint8Array(challenge),
        csr: new Uint8Array(csr),
        signature: new Uint8Array(64),
      });
      await expect(recoverAgent(world.enrollment, world.caller, request)).rejects.toMatchObject(refused);
    }
    expect((await rowOf(peer.keys.agentId)).state).toBe('OFFLINE');
    expect(await recover(peer, csr)).toBeInstanceOf(Buffer);
  });

  it('quarantines who has the key and not the last token, but not for a statement that a session has overtaken', async () => {
    const peer = await seen('copied');
    const { csr } = await makeRequest();
    await expect(recover(peer, csr, { continuity: new Uint8Array(32).fill(1) })).rejects.toMatchObject(refused);
    expect((await rowOf(peer.keys.agentId)).state).toBe('OFFLINE');
    await database.admin.query(
      `update agent_gateway.agent_session set changed_at = now() - interval '1 minute' where agent_id = $1`,
      [peer.keys.agentId],
    );
    await expect(recover(peer, csr, { continuity: new Uint8Array(32).fill(1) })).rejects.toMatchObject(refused);
    expect((await rowOf(peer.keys.agentId)).state).toBe('QUARANTINED');
    await expect(recover(peer, csr)).rejects.toMatchObject(refused);
  });
});

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { testDatabase, testEngines, until } from '@truffle/testkit';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getAgent } from '../agent/agent.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { renewPeer } from '../testing/call.ts';
import { enrolPeer, makeRequest, Peer, pemOf } from '../testing/peer.ts';
import { makeWorld, type Running, type World } from '../testing/world.ts';
import { Authorities } from './authorities.ts';
import { beginRotation, endRotation, readRotation, switchRotation } from './rotation.ts';

const hourMs = 3_600_000;
const at = (hours: number): Date => new Date(Date.UTC(2026, 0, 1) + hours * hourMs);
const overlapMs = 48 * hourMs;

describe('the steps of a rotation', () => {
  let folder: string;
  beforeAll(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'truffle-rotation-')), 'ca');
  });
  afterAll(() => rmSync(join(folder, '..'), { recursive: true }));

  it('come in their order, each when every agent had time to hear of the one before', async () => {
    await expect(beginRotation(folder, at(0))).rejects.toThrow(/no authority yet/);
    await Authorities.open(folder);
    expect(() => switchRotation(folder, at(0), overlapMs)).toThrow(/steady/);
    expect(await beginRotation(folder, at(0))).toMatchObject({
      phase: 'distributing',
      issuer: 'ca',
      trusted: ['ca', 'ca-2'],
    });
    await expect(beginRotation(folder, at(1))).rejects.toThrow(/distributing already/);
    expect(() => switchRotation(folder, at(47), overlapMs)).toThrow(/2026-01-03T00:00:00/);
    expect(() => endRotation(folder, at(100), overlapMs)).toThrow(/only one that is issuing/);
    expect(switchRotation(folder, at(48), overlapMs)).toMatchObject({ phase: 'issuing', issuer: 'ca-2' });
    expect(() => endRotation(folder, at(95), overlapMs)).toThrow(/2026-01-05T00:00:00/);
    expect(endRotation(folder, at(96), overlapMs)).toMatchObject({
      phase: 'steady',
      issuer: 'ca-2',
      trusted: ['ca-2'],
    });
    expect(readdirSync(folder).sort()).toEqual(['ca-2.cert.pem', 'ca-2.key.pem', 'rotation.json']);
    expect(await beginRotation(folder, at(200))).toMatchObject({ trusted: ['ca-2', 'ca-3'] });
  });

  it('refuses a state that does not parse', () => {
    for (const text of ['', '{}', '{"phase":"steady","issuer":"x","trusted":["y"],"since":"z"}']) {
      writeFileSync(join(folder, 'rotation.json'), text);
      expect(() => readRotation(folder)).toThrow(/damaged/);
    }
  });
});

describe('the tool', () => {
  it('says where the rotation stands, refuses what comes too early, and takes a step on demand', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'truffle-rotation-')), 'ca');
    await Authorities.open(folder);
    const rotate = (...args: readonly string[]) =>
      spawnSync(process.execPath, [resolve(import.meta.dirname, 'rotate.ts'), ...args], {
        env: { TRUFFLE_AGENT_CA_DIR: folder },
        encoding: 'utf8',
      });
    expect(rotate().status).toBe(2);
    expect(JSON.parse(rotate('status').stdout)).toMatchObject({ phase: 'steady' });
    expect(JSON.parse(rotate('begin').stdout)).toMatchObject({ phase: 'distributing' });
    const early = rotate('switch');
    expect([early.status, early.stdout]).toEqual([1, '']);
    expect(early.stderr).toMatch(/^rotate: distributing since .*--force\n$/);
    expect(JSON.parse(rotate('switch', '--force').stdout)).toMatchObject({ phase: 'issuing', issuer: 'ca-2' });
    expect(JSON.parse(rotate('end', '--force').stdout)).toMatchObject({ phase: 'steady', trusted: ['ca-2'] });
    rmSync(join(folder, '..'), { recursive: true });
  });
});

describe('agents during a rotation', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld(await testDatabase([agentGatewayMigrations]), testEngines().natsUrl);
  });
  afterAll(() => world?.close());

  /** A gateway as it is after its restart in this phase, and a world that enrols there. */
  async function phase(): Promise<{
    readonly world: World;
    readonly gateway: Running;
    readonly authorities: Authorities;
  }> {
    const authorities = await Authorities.open(world.authorityFolder);
    const enrollment = { ...world.enrollment, authorities };
    return { world: { ...world, enrollment }, gateway: await world.startGateway({ enrollment }), authorities };
  }
  const works = async (peer: Peer, gateway: Running): Promise<void> => {
    const stream = peer.dial(gateway.endpoint);
    await until(`${peer.keys.agentId} at work`, async () =>
      (await getAgent(gateway.parts, world.orgId, peer.keys.agentId)).row.state === 'ONLINE' ? true : undefined,
    );
    stream.close();
    await until(
      'offline',
      async () => (await getAgent(gateway.parts, world.orgId, peer.keys.agentId)).row.state === 'OFFLINE',
    );
  };
  /** Renews, and trusts what comes with it, as the agent does. */
  async function renewed(peer: Peer, gateway: Running): Promise<Peer> {
    const { csr, key } = await makeRequest();
    const { certificate, authorities } = await renewPeer(gateway.endpoint, peer.authority, peer.keys, csr);
    const next = new Peer({ ...peer.keys, key, certificate: pemOf(certificate) }, authorities.map(pemOf).join('\n'));
    return Object.assign(next, { incarnation: peer.incarnation, continuity: peer.continuity, lsn: peer.lsn });
  }
  const issuerOf = (peer: Peer): string => new X509Certificate(peer.keys.certificate).issuer;
  const turnedAway = async (peer: Peer, gateway: Running): Promise<void> => {
    const stream = peer.dial(gateway.endpoint);
    await until('no handshake', () => stream.ended);
    expect(stream.frames).toEqual([]);
  };

  it('join and work in every phase, and carry over with one renewal in each', async () => {
    const before = await phase();
    const veteran = new Peer(await enrolPeer(before.world, 'before'), before.authorities.pem);
    const sleeper = new Peer(await enrolPeer(before.world, 'asleep-all-the-while'), before.authorities.pem);
    await works(veteran, before.gateway);
    expect(before.authorities.pins).not.toContain(',');

    await beginRotation(world.authorityFolder, at(0));
    const distributing = await phase();
    expect(distributing.authorities.pins.split(',')).toHaveLength(2);
    await works(veteran, distributing.gateway);
    const told = await renewed(veteran, distributing.gateway);
    expect([told.authority.match(/BEGIN/g)?.length, issuerOf(told)]).toEqual([2, 'CN=Truffle agents']);
    await works(told, distributing.gateway);
    const joined = new Peer(await enrolPeer(distributing.world, 'during'), distributing.authorities.pem);
    await works(joined, distributing.gateway);

    switchRotation(world.authorityFolder, at(48), overlapMs);
    const issuing = await phase();
    for (const peer of [told, joined]) await works(peer, issuing.gateway);
    // It trusts the old authority alone: it has to recover at the public origin first.
    await turnedAway(sleeper, issuing.gateway);
    await before.gateway.parts.database.tenant(world.orgId, (tx) =>
      tx.updateTable('agent_gateway.agent').set({ next_issued_at: null }).execute(),
    );
    const moved = await renewed(told, issuing.gateway);
    const movedToo = await renewed(joined, issuing.gateway);
    expect(issuerOf(moved)).toBe('CN=Truffle agents ca-2');
    for (const peer of [moved, movedToo]) await works(peer, issuing.gateway);
    // A gateway that was not restarted yet serves who has a certificate of the new authority.
    await works(moved, distributing.gateway);

    endRotation(world.authorityFolder, at(96), overlapMs);
    const after = await phase();
    for (const peer of [moved, movedToo]) await works(peer, after.gateway);
    const late = new Peer(await enrolPeer(after.world, 'after'), after.authorities.pem);
    await works(late, after.gateway);
    const past = new Peer(sleeper.keys, after.authorities.pem);
    await turnedAway(past, after.gateway);
  });
});

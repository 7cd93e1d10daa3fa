import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { SealingKeyEntrySchema } from '@truffle/api/agent/v1/sealing_key';
import { OrderedPage } from '@truffle/database';
import { keyLogBytes, keyLogHash, keyLogProblem, type KeyLogEntry } from '@truffle/sealing';
import { testDatabase, testEngines, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { agentOf } from '../agent/agent.codec.ts';
import { agentOrdering } from '../agent/agent.repo.ts';
import { freeAgent, getAgent, pageOfAgents } from '../agent/agent.usecases.ts';
import { createJoinToken, enroll } from '../agent/enrollment.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { enrollRequest, makeRequest } from '../testing/peer.ts';
import { countQuarantined } from '../gateway/sweep.repo.ts';
import { makeWorld, type World } from '../testing/world.ts';
import { entryOf, listSealingKeys, syncSealingKey } from './sealing-key.usecases.ts';

let database: TestDatabase;
let world: World;
beforeAll(async () => {
  database = await testDatabase([agentGatewayMigrations]);
  world = await makeWorld(database, testEngines().natsUrl);
});
afterAll(() => world?.close());

/** Enrols an agent of that name, anew when there is one, and says who holds it. */
async function enrolled(name: string) {
  const identity = generateKeyPairSync('ed25519');
  const identityPublicKey = identity.publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  const { token } = await createJoinToken(world.enrollment, world.caller, name);
  const { csr } = await makeRequest();
  const request = enrollRequest(token, csr, identityPublicKey);
  const { agentId, orgId } = await enroll(world.enrollment, world.caller, request);
  const one = await world.startGateway();
  const { row } = await getAgent(one.parts, orgId, agentId);
  await one.close();
  const holder = { orgId, agentId, certificateSerial: row.certificate_serial };
  return { holder, key: identity.privateKey, identityPublicKey, publicKey: row.sealing_public_key };
}
type Holder = Awaited<ReturnType<typeof enrolled>>;

const entryFor = (from: Holder, before: KeyLogEntry | undefined, over: Partial<KeyLogEntry> = {}, key?: KeyObject) => {
  const { agentId } = from.holder;
  const unsigned = {
    n: (before?.n ?? 0n) + 1n,
    publicKey: from.publicKey,
    identityPublicKey: from.identityPublicKey,
    previousSha256: before === undefined ? Buffer.alloc(0) : Buffer.from(keyLogHash(agentId, before), 'hex'),
    ...over,
  };
  const signature = sign(null, keyLogBytes(agentId, unsigned), key ?? from.key);
  const bytes = Object.fromEntries(
    Object.entries({ ...unsigned, signature }).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? new Uint8Array(value) : value,
    ]),
  );
  return create(SealingKeyEntrySchema, bytes);
};
const sync = (from: Holder, entry?: ReturnType<typeof entryFor>, substituted = '') =>
  syncSealingKey(world.enrollment, from.holder, { entry, substituted });

it('takes only what the agent signed, for its own key, after the newest; the same again changes nothing', async () => {
  const first = await enrolled('logged');
  expect((await sync(first)).newest).toBeUndefined();
  const refused = { reason: 'KEY_LOG_ENTRY_REFUSED' };
  await expect(sync(first, entryFor(first, undefined, { publicKey: randomBytes(32) }))).rejects.toMatchObject(refused);
  await expect(sync(first, entryFor(first, undefined, { n: 2n }))).rejects.toMatchObject(refused);
  const stranger = generateKeyPairSync('ed25519').privateKey;
  await expect(sync(first, entryFor(first, undefined, {}, stranger))).rejects.toMatchObject(refused);
  const entry = entryFor(first, undefined);
  for (let twice = 0; twice < 2; twice++) expect((await sync(first, entry)).publishedKey).toEqual(first.publicKey);

  const again = await enrolled('logged');
  expect(again.holder.agentId).toBe(first.holder.agentId);
  await expect(sync(first)).rejects.toMatchObject({ reason: 'CERTIFICATE_SUPERSEDED' });
  await expect(sync(again, entryFor(again, undefined))).rejects.toMatchObject(refused);
  await sync(again, entryFor(again, entry));
  const log = await listSealingKeys(world.enrollment.database, world.orgId, first.holder.agentId);
  expect(log.map((row) => row.public_key)).toEqual([first.publicKey, again.publicKey]);
  expect(keyLogProblem(first.holder.agentId, log.map(entryOf))).toBeUndefined();
});

it('can not be changed by the service', async () => {
  const one = await enrolled('kept');
  await sync(one, entryFor(one, undefined));
  const { database: tenants } = world.enrollment;
  await expect(
    tenants.tenant(world.orgId, (tx) =>
      tx
        .updateTable('agent_gateway.sealing_key')
        .set({ public_key: randomBytes(32) })
        .execute(),
    ),
  ).rejects.toThrow(/permission denied/);
  await expect(
    tenants.tenant(world.orgId, (tx) => tx.deleteFrom('agent_gateway.sealing_key').execute()),
  ).rejects.toThrow(/permission denied/);
});

const logOf = async ({ holder }: Holder) =>
  (await listSealingKeys(world.enrollment.database, world.orgId, holder.agentId)).map(entryOf);

it('publishes another key when the agent adds it, and nobody else’s nor one that was given up', async () => {
  const one = await enrolled('rotating');
  const refused = { reason: 'KEY_LOG_ENTRY_REFUSED' };
  const [first, publicKey] = [entryFor(one, undefined), randomBytes(32)];
  await expect(sync(one, entryFor(one, undefined, { publicKey }))).rejects.toMatchObject(refused);
  await sync(one, first);
  const stranger = generateKeyPairSync('ed25519');
  const identityPublicKey = stranger.publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  for (const forged of [
    entryFor(one, first, { publicKey }, stranger.privateKey),
    entryFor(one, first, { publicKey, identityPublicKey }, stranger.privateKey),
    entryFor(one, first, { publicKey, n: 3n }),
    entryFor(one, first, { publicKey, previousSha256: randomBytes(32) }),
    entryFor(one, first, { publicKey: randomBytes(31) }),
  ])
    await expect(sync(one, forged)).rejects.toMatchObject(refused);
  const second = entryFor(one, first, { publicKey });
  for (let twice = 0; twice < 2; twice++)
    expect((await sync(one, second)).publishedKey).toEqual(Buffer.from(publicKey));
  await expect(sync(one, entryFor(one, second))).rejects.toMatchObject(refused);
  const log = await logOf(one);
  expect(log.map((entry) => Buffer.from(entry.publicKey))).toEqual([one.publicKey, publicKey]);
  expect(keyLogProblem(one.holder.agentId, log)).toBeUndefined();
});

it('quarantines an agent that sees another key than its own, says what ends it, and lets it out', async () => {
  const one = await enrolled('substituted');
  const gateway = await world.startGateway();
  expect((await sync(one, entryFor(one, undefined))).quarantined).toBe(false);
  expect((await sync(one, undefined, 'another key is \0published')).quarantined).toBe(true);
  const page = new OrderedPage(agentOrdering, { field: 'name', descending: false }, undefined);
  const wanted = { name: 'substituted', seen: { everything: true, only: [], except: [] } };
  const { agents } = await pageOfAgents(gateway.parts, world.orgId, wanted, page);
  const [listed] = agents.map(({ row, quarantine }) => agentOf(row, 0, false, quarantine));
  expect(listed).toMatchObject({
    state: AgentState.QUARANTINED,
    quarantine: { reason: 'KEY_SUBSTITUTED', message: 'another key is published', holders: [] },
  });
  expect(listed?.quarantine?.wayOut.join()).toMatch(/truffle-agent status.*truffle agent release substituted/);
  await expect(sync(one)).rejects.toMatchObject({ reason: 'QUARANTINED' });
  expect(await world.enrollment.sweepDatabase.anywhere(countQuarantined)).toBe(1);
  await freeAgent(gateway.parts, world.caller, { agentId: one.holder.agentId, revision: 0n, holder: '' });
  expect((await sync(one)).quarantined).toBe(false);
  await gateway.close();
  const { rows } = await database.admin.query<{ type: string; data: { reason?: string } }>(
    `select type, data from ledger.event where resource_id = $1 and type like '%quarantined%'`,
    [one.holder.agentId],
  );
  expect(rows).toHaveLength(1);
});

import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { SealingKeyEntrySchema } from '@truffle/api/agent/v1/sealing_key';
import { keyLogBytes, keyLogHash, keyLogProblem, type KeyLogEntry } from '@truffle/sealing';
import { testDatabase, testEngines, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { getAgent } from '../agent/agent.usecases.ts';
import { createJoinToken, enroll } from '../agent/enrollment.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { enrollRequest, makeRequest } from '../testing/peer.ts';
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
const sync = (from: Holder, entry?: ReturnType<typeof entryFor>) =>
  syncSealingKey(world.enrollment.database, from.holder, entry);

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

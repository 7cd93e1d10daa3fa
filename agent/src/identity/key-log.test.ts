import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  generateSealingKey,
  keyLogBytes,
  keyLogHash,
  keyLogProblem,
  type KeyLogEntry,
  type SealingKeyPair,
} from '@truffle/sealing';
import pino from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { IdentityFolder, identityFiles } from './folder.ts';
import { KeyLogWatch, readOwnEntry, type KeyLogDeps } from './key-log.ts';
import { requestRotation } from './rotation.ts';
import { keptMs, SealingKeys } from './sealing-keys.ts';

const agentId = 'agt_1';
const dayMs = 86_400_000;
let folder: string;
let files: IdentityFolder;
let sealing: SealingKeyPair;
/** What the control plane holds, and how its next answers to an entry go. */
let log: KeyLogEntry[];
let published: Uint8Array;
let fail: ('before' | 'after')[];
let asked: number;
let told: string[];
let quarantines: { readonly reason: string }[];

beforeEach(async () => {
  folder = testFolder();
  files = new IdentityFolder(folder);
  sealing = await generateSealingKey();
  published = sealing.publicKey;
  [log, fail, asked, told, quarantines] = [[], [], 0, [], []];
  files.write(identityFiles.sealingKey, Buffer.concat([sealing.privateKey, sealing.publicKey]).toString('hex'));
  newIdentity();
});

function newIdentity(): void {
  const { privateKey } = generateKeyPairSync('ed25519');
  files.write(identityFiles.identityKey, privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

const sync: KeyLogDeps['sync'] = async ({ entry, substituted = '' }) => {
  asked++;
  if (substituted !== '') told.push(substituted);
  const failure = entry === undefined ? undefined : fail.shift();
  if (failure === 'before') throw new Error('lost');
  const newest = log.at(-1);
  if (entry !== undefined && (newest === undefined || keyLogHash(agentId, newest) !== keyLogHash(agentId, entry))) {
    log.push(entry);
    published = entry.publicKey;
  }
  if (failure === 'after') throw new Error('lost');
  return { newest: log.at(-1), publishedKey: published, quarantined: substituted !== '' };
};

const clock = new VirtualClock();
const watching = (): KeyLogWatch =>
  new KeyLogWatch({
    dataFolder: folder,
    agentId,
    keys: new SealingKeys(folder),
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    sync,
    quarantined: (why) => quarantines.push(why),
  });

/** A session of a started agent, after which the look has come to its end. */
async function session(ms = 300_000): Promise<void> {
  const watch = watching();
  watch.welcomed();
  await clock.pass(ms);
  await watch.stop();
}

const current = () => new SealingKeys(folder).current;

test('adds its entry once, over lost answers and restarts, and finds it again', async () => {
  fail = ['before', 'after'];
  for (let i = 0; i < 5; i++) await session();
  expect(log).toHaveLength(1);
  expect(keyLogProblem(agentId, log)).toBeUndefined();
  const [entry] = log;
  expect(readOwnEntry(folder)).toEqual({ n: 1, hash: entry === undefined ? '' : keyLogHash(agentId, entry) });
});

test('follows what an installation before it added', async () => {
  await session();
  files.remove(identityFiles.keyLog);
  newIdentity();
  await session();
  expect(log).toHaveLength(2);
  expect(keyLogProblem(agentId, log)).toBeUndefined();
});

test('tells the gateway that its key was substituted, published or in the log, each time, and goes on showing it', async () => {
  await session();
  const own = [...log];
  const [entry] = own;
  if (entry === undefined) throw new Error('there is no entry');
  log.push({ ...entry, n: 2n, publicKey: randomBytes(32) });
  await session();
  await session(0);
  expect(told).toEqual([expect.stringMatching(/newest entry/), expect.stringMatching(/newest entry/)]);
  expect(quarantines.map((why) => why.reason)).toEqual(['KEY_SUBSTITUTED', 'KEY_SUBSTITUTED']);
  const seen = readOwnEntry(folder)?.substituted;
  expect(seen?.what).toMatch(/newest entry/);
  expect(seen?.until).toBeUndefined();
  log = own;
  await session(0);
  expect(readOwnEntry(folder)?.substituted).toMatchObject({ since: seen?.since, until: expect.any(String) });
  expect(told).toHaveLength(2);
});

test('does not add its key under a published one that is another, and adds it once that is mended', async () => {
  published = randomBytes(32);
  await session();
  expect(log).toEqual([]);
  expect(readOwnEntry(folder)?.substituted?.what).toMatch(/another key is published/);
  published = sealing.publicKey;
  await session();
  expect(log).toHaveLength(1);
  expect(readOwnEntry(folder)).toMatchObject({ n: 1, substituted: { until: expect.any(String) } });
});

test('looks later where it is known, so that agents that come back together do not look together', async () => {
  await session();
  const before = asked;
  const watch = watching();
  for (let i = 0; i < 3; i++) watch.welcomed();
  await clock.pass(149_000);
  expect(asked).toBe(before);
  await clock.pass(2_000);
  expect(asked).toBe(before + 1);
  await watch.stop();
});

test('rotates on demand, once, and keeps the former key for as long as something sealed to it can come', async () => {
  await session();
  const first = current();
  requestRotation(folder, first.keyId);
  await session();
  await session();
  expect(log).toHaveLength(2);
  expect(keyLogProblem(agentId, log)).toBeUndefined();
  expect(published).toEqual(current().publicKey);
  expect(current().keyId).not.toBe(first.keyId);
  expect(new SealingKeys(folder).privateKeys[first.keyId]).toEqual(first.privateKey);
  expect(readOwnEntry(folder)?.substituted).toBeUndefined();
  expect(files.read(identityFiles.rotationRequest)).toBeUndefined();
  await clock.pass(keptMs - dayMs);
  await session();
  expect(Object.keys(new SealingKeys(folder).privateKeys)).toHaveLength(2);
  await clock.pass(dayMs);
  await session();
  expect(new SealingKeys(folder).privateKeys).toEqual({ [current().keyId]: current().privateKey });
  expect(files.read(identityFiles.sealingKey)?.toString()).not.toContain(Buffer.from(first.privateKey).toString('hex'));
});

test('rotates by age, after 90 days give or take a tenth', async () => {
  await session();
  await clock.pass(80 * dayMs);
  await session();
  expect(log).toHaveLength(1);
  await clock.pass(20 * dayMs);
  await session();
  expect(log).toHaveLength(2);
});

/** What a data folder and the control plane are left as when the process ends between two steps of a rotation. */
const interrupted: Readonly<Record<string, () => Promise<void>>> = {
  'before the new key was sent': async () => {
    fail = ['before'];
    await session(5_000);
    expect(log).toHaveLength(1);
    expect(new SealingKeys(folder).next).toBeDefined();
  },
  'before the answer came': async () => {
    fail = ['after'];
    await session(5_000);
    expect(log).toHaveLength(2);
    // A value sealed to the new key may come already.
    expect(Object.keys(new SealingKeys(folder).privateKeys)).toHaveLength(2);
  },
  'before the new entry was noted': async () => {
    const noted = files.read(identityFiles.keyLog) ?? Buffer.alloc(0);
    await session();
    files.write(identityFiles.keyLog, noted);
  },
  'before the request was withdrawn': async () => {
    const request = files.read(identityFiles.rotationRequest) ?? Buffer.alloc(0);
    await session();
    files.write(identityFiles.rotationRequest, request);
  },
};

test.each(Object.keys(interrupted))('goes on with a rotation that ended %s', async (when) => {
  await session();
  const first = current();
  requestRotation(folder, first.keyId);
  await interrupted[when]?.();
  for (let i = 0; i < 3; i++) await session();
  expect(log).toHaveLength(2);
  expect(keyLogProblem(agentId, log)).toBeUndefined();
  expect(published).toEqual(current().publicKey);
  expect(Object.keys(new SealingKeys(folder).privateKeys)).toHaveLength(2);
  expect(readOwnEntry(folder)).toMatchObject({ n: 2 });
  expect(readOwnEntry(folder)?.substituted).toBeUndefined();
});

test.each(['another key', 'its own key'])(
  'takes no entry of %s for its own that another identity signed',
  async (of) => {
    await session();
    const stranger = generateKeyPairSync('ed25519');
    const before = log.at(-1);
    const unsigned = {
      n: 2n,
      publicKey: of === 'its own key' ? sealing.publicKey : randomBytes(32),
      identityPublicKey: stranger.publicKey.export({ type: 'spki', format: 'der' }).subarray(12),
      previousSha256: Buffer.from(before === undefined ? '' : keyLogHash(agentId, before), 'hex'),
    };
    log.push({ ...unsigned, signature: sign(null, keyLogBytes(agentId, unsigned), stranger.privateKey) });
    published = unsigned.publicKey;
    const own = current().keyId;
    await session();
    expect(told).toHaveLength(1);
    expect(current().keyId).toBe(own);
  },
);

test('is read by programs from before rotation as its current key', async () => {
  await session();
  requestRotation(folder, current().keyId);
  await session();
  const text = files.read(identityFiles.sealingKey)?.toString().trim() ?? '';
  const { privateKey, publicKey } = current();
  expect(Buffer.from(text, 'hex')).toEqual(Buffer.concat([privateKey, publicKey]));
});

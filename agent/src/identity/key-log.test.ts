import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { generateSealingKey, keyLogHash, keyLogProblem, type KeyLogEntry, type SealingKeyPair } from '@truffle/sealing';
import pino from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { IdentityFolder, identityFiles } from './folder.ts';
import { KeyLogWatch, readOwnEntry } from './key-log.ts';

const agentId = 'agt_1';
let folder: string;
let sealing: SealingKeyPair;
/** What the control plane holds, and how its next answers go. */
let log: KeyLogEntry[];
let published: Uint8Array;
let fail: ('before' | 'after')[];
let asked: number;

beforeEach(async () => {
  folder = testFolder();
  sealing = await generateSealingKey();
  published = sealing.publicKey;
  [log, fail, asked] = [[], [], 0];
  const { privateKey } = generateKeyPairSync('ed25519');
  new IdentityFolder(folder).write(identityFiles.identityKey, privateKey.export({ type: 'pkcs8', format: 'pem' }));
});

const clock = new VirtualClock();
/** A session of a started agent, after which the look has come to its end. */
async function session(): Promise<void> {
  const watch = new KeyLogWatch({
    dataFolder: folder,
    identity: { agentId, sealing: { ...sealing, keyId: 'k' } },
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    sync: async (entry) => {
      asked++;
      const failure = entry === undefined ? undefined : fail.shift();
      if (failure === 'before') throw new Error('lost');
      if (entry !== undefined) log.push(entry);
      if (failure === 'after') throw new Error('lost');
      return { newest: log.at(-1), publishedKey: published };
    },
  });
  watch.welcomed();
  await clock.pass(300_000);
  await watch.stop();
}

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
  new IdentityFolder(folder).remove(identityFiles.keyLog);
  const { privateKey } = generateKeyPairSync('ed25519');
  new IdentityFolder(folder).write(identityFiles.identityKey, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await session();
  expect(log).toHaveLength(2);
  expect(keyLogProblem(agentId, log)).toBeUndefined();
});

test('says that its key was substituted, whether it is published or in the log, and goes on saying so', async () => {
  await session();
  const own = [...log];
  const [entry] = own;
  if (entry === undefined) throw new Error('there is no entry');
  log.push({ ...entry, n: 2n, publicKey: randomBytes(32) });
  await session();
  expect(readOwnEntry(folder)?.substituted?.what).toMatch(/newest entry/);
  log = own;
  const since = readOwnEntry(folder)?.substituted?.since;
  await session();
  expect(readOwnEntry(folder)?.substituted?.since).toBe(since);
});

test('does not add its key under a published one that is another', async () => {
  published = randomBytes(32);
  await session();
  expect(log).toEqual([]);
  expect(readOwnEntry(folder)?.substituted?.what).toMatch(/another key is published/);
});

test('looks later where it is known, so that agents that come back together do not look together', async () => {
  await session();
  const before = asked;
  const watch = new KeyLogWatch({
    dataFolder: folder,
    identity: { agentId, sealing: { ...sealing, keyId: 'k' } },
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    sync: async () => (asked++, { newest: log.at(-1), publishedKey: published }),
  });
  for (let i = 0; i < 3; i++) watch.welcomed();
  await clock.pass(149_000);
  expect(asked).toBe(before);
  await clock.pass(2_000);
  expect(asked).toBe(before + 1);
  await watch.stop();
});

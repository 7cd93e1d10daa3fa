import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { AgentSchema, type Agent } from '@truffle/api/agent/v1/agent';
import { fingerprintWords, keyId, keyLogBytes, keyLogHash, type KeyLogEntry } from '@truffle/sealing';
import { describe, expect, test } from 'vitest';
import type { Config } from '../context/config-file.ts';
import { checkKnown, newestEntry, trusting } from './cluster.seal.ts';

const id = 'agt_1';
const empty: Config = { contexts: {}, knownAgents: {} };
const agentWith = (publicKey: Uint8Array): Agent =>
  create(AgentSchema, {
    id,
    name: 'site',
    sealingKey: {
      keyId: keyId(publicKey),
      publicKey: new Uint8Array(publicKey),
      fingerprint: fingerprintWords(publicKey),
    },
  });

/** A log in which each identity key signs an entry of its own sealing key. */
function logOf(
  ...signers: readonly { readonly publicKey: KeyObject; readonly privateKey: KeyObject }[]
): KeyLogEntry[] {
  const log: KeyLogEntry[] = [];
  for (const { publicKey, privateKey } of signers) {
    const before = log.at(-1);
    const unsigned = {
      n: BigInt(log.length + 1),
      publicKey: randomBytes(32),
      identityPublicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(12),
      previousSha256: before === undefined ? Buffer.alloc(0) : Buffer.from(keyLogHash(id, before), 'hex'),
    };
    log.push({ ...unsigned, signature: sign(null, keyLogBytes(id, unsigned), privateKey) });
  }
  return log;
}
const agentOf = (log: readonly KeyLogEntry[]): Agent => agentWith(log.at(-1)?.publicKey ?? new Uint8Array(32));
const [own, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];

describe('a log of sealing keys', () => {
  test('is pinned with the first key; a key that the same agent adds takes its place, one of another is refused', () => {
    const log = logOf(own, own, other);
    const [first, both] = [log.slice(0, 1), log.slice(0, 2)];
    const entry = newestEntry(empty, agentOf(first), first);
    expect(checkKnown(empty, agentOf(first), entry)).toBe('new');
    const known = trusting(empty, agentOf(first), entry);
    expect(checkKnown(known, agentOf(first), newestEntry(known, agentOf(first), first))).toBe('known');
    const later = newestEntry(known, agentOf(both), both);
    expect(checkKnown(known, agentOf(both), later)).toBe('new');
    const followed = trusting(known, agentOf(both), later);
    expect(() => checkKnown(followed, agentOf(log), newestEntry(followed, agentOf(log), log))).toThrow(/has changed/);
  });

  test('is refused where it was rewritten, cut, forged, or is not of the key that is handed out', () => {
    const log = logOf(own, own);
    const known = trusting(empty, agentOf(log), newestEntry(empty, agentOf(log), log));
    const rewritten = logOf(own, own);
    const [first, second] = log;
    if (first === undefined || second === undefined) throw new Error('the log is short');
    const forged = [first, { ...second, publicKey: randomBytes(32) }];
    const bad: readonly (readonly [Agent, readonly KeyLogEntry[]])[] = [
      [agentOf(rewritten), rewritten],
      [agentOf([first]), [first]],
      [agentOf(log), []],
      [agentOf(forged), forged],
      [agentWith(randomBytes(32)), log],
    ];
    for (const [agent, given] of bad) expect(() => newestEntry(known, agent, given)).toThrow(/can not be trusted/);
  });

  test('may be empty for an agent that had none', () => {
    const agent = agentWith(randomBytes(32));
    expect(newestEntry(empty, agent, [])).toBeUndefined();
    const known = trusting(empty, agent, undefined);
    expect(checkKnown(known, agent, undefined)).toBe('known');
  });
});

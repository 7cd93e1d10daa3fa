import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { keyLogBytes, type KeyLogEntry } from './key-log.entry.ts';
import { isSigned, keyLogHash, keyLogProblem } from './key-log.ts';
import { fingerprintWords, keyId } from './key.ts';
import * as web from './web.ts';

const agentId = 'agt_1';

function entryAfter(
  before: KeyLogEntry | undefined,
  key: { privateKey: KeyObject; publicKey: KeyObject },
): KeyLogEntry {
  const unsigned = {
    n: (before?.n ?? 0n) + 1n,
    publicKey: randomBytes(32),
    identityPublicKey: key.publicKey.export({ type: 'spki', format: 'der' }).subarray(12),
    previousSha256: before === undefined ? Buffer.alloc(0) : Buffer.from(keyLogHash(agentId, before), 'hex'),
  };
  return { ...unsigned, signature: sign(null, keyLogBytes(agentId, unsigned), key.privateKey) };
}

describe('a log of sealing keys', () => {
  const [one, two] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  const first = entryAfter(undefined, one);
  const second = entryAfter(first, one);
  const third = entryAfter(second, two);

  test('is whole when every entry is signed and names the one before it', async () => {
    for (const log of [[], [first], [first, second, third]]) {
      expect(keyLogProblem(agentId, log)).toBeUndefined();
      expect(await web.keyLogProblem(agentId, log)).toBeUndefined();
    }
  });

  test('has the same names in a browser', async () => {
    for (const entry of [first, second, third]) {
      expect(await web.keyLogHash(agentId, entry)).toBe(keyLogHash(agentId, entry));
      expect(await web.keyId(entry.publicKey)).toBe(keyId(entry.publicKey));
      expect(await web.fingerprintWords(entry.publicKey)).toBe(fingerprintWords(entry.publicKey));
    }
  });

  test('is not with an entry changed, left out, added, moved or of another agent', async () => {
    const forged = { ...second, publicKey: randomBytes(32) };
    const bad: readonly (readonly KeyLogEntry[])[] = [
      [second, third],
      [first, third],
      [first, forged, third],
      [first, { ...second, n: 3n }],
      [first, second, { ...third, previousSha256: first.previousSha256 }],
      [first, second, second],
      [first, { ...second, identityPublicKey: third.identityPublicKey }],
      [{ ...first, signature: randomBytes(64) }],
      [{ ...first, identityPublicKey: randomBytes(31) }],
    ];
    for (const log of bad) {
      const problem = keyLogProblem(agentId, log);
      expect(problem).toBeTypeOf('string');
      expect(await web.keyLogProblem(agentId, log)).toBe(problem);
    }
    expect(isSigned('agt_2', first)).toBe(false);
  });
});

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isCommandSigned, mayReplaceKeys, signCommand, signCommandKeys, type CommandTerms } from './command.ts';

const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;
const publicOf = (key: KeyObject): Uint8Array =>
  createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(12);

const terms: CommandTerms = {
  orgId: 'org_a',
  agentId: 'agt_a',
  commandId: 'cmd_a',
  resourceKey: 'pve:a/100',
  fence: 7n,
  op: 'deleteServer',
  payloadSha256: new Uint8Array(32).fill(1),
  startBy: 1_800_000_000_000,
  runTimeout: 60_000,
  needsPermit: true,
};

describe('a signed command', () => {
  const key = newKey();

  test('is known by its key', () => {
    const signature = signCommand(key, terms);
    expect(isCommandSigned(publicOf(key), terms, signature)).toBe(true);
    expect(isCommandSigned(publicOf(newKey()), terms, signature)).toBe(false);
  });

  test.each<Partial<CommandTerms>>([
    { orgId: 'org_b' },
    { agentId: 'agt_b' },
    { commandId: 'cmd_b' },
    { resourceKey: 'pve:a/101' },
    { fence: 8n },
    { op: 'ensureServer' },
    { payloadSha256: new Uint8Array(32).fill(2) },
    { startBy: terms.startBy + 1 },
    { runTimeout: 60_001 },
    { needsPermit: false },
    { orgId: 'org_aagt', agentId: '_a' },
  ])('is another one with %o', (change) => {
    expect(isCommandSigned(publicOf(key), { ...terms, ...change }, signCommand(key, terms))).toBe(false);
  });

  test.each([0, 10, 63, 65])('needs its whole signature, not %i bytes', (length) => {
    const signature = Buffer.concat([signCommand(key, terms), Buffer.alloc(1)]).subarray(0, length);
    expect(isCommandSigned(publicOf(key), terms, signature)).toBe(false);
  });

  test('is known by no malformed key', () => {
    for (const length of [0, 31, 33])
      expect(isCommandSigned(new Uint8Array(length), terms, signCommand(key, terms))).toBe(false);
  });
});

describe('a set of keys', () => {
  const [old, next, other] = [newKey(), newKey(), newKey()];
  const first = signCommandKeys([old], 1);

  test('is replaced step by step, each keeping one key of the last', () => {
    const both = signCommandKeys([old, next], 2);
    const last = signCommandKeys([next], 3);
    expect(mayReplaceKeys(first, both)).toBe(true);
    expect(mayReplaceKeys(both, last)).toBe(true);
    expect(mayReplaceKeys(first, last)).toBe(false);
  });

  test('goes back to no older one, nor to itself', () => {
    const both = signCommandKeys([old, next], 2);
    expect(mayReplaceKeys(both, first)).toBe(false);
    expect(mayReplaceKeys(both, both)).toBe(false);
  });

  test('is replaced on no stranger’s word', () => {
    expect(mayReplaceKeys(first, signCommandKeys([other], 9))).toBe(false);
    // The pinned key is named, but only the stranger has signed.
    const forged = signCommandKeys([old, other], 9);
    const [, own = new Uint8Array()] = forged.signatures;
    expect(mayReplaceKeys(first, { ...forged, signatures: [own, own] })).toBe(false);
    expect(mayReplaceKeys(first, { ...forged, signatures: [] })).toBe(false);
    // What was signed for one set is not good for another.
    const honest = signCommandKeys([old, next], 2);
    expect(mayReplaceKeys(first, { ...honest, version: 3 })).toBe(false);
    expect(mayReplaceKeys(first, { ...honest, keys: [honest.keys[0] ?? own, publicOf(other)] })).toBe(false);
  });
});

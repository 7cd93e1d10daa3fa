import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCommandSigned, keyId, mayReplaceKeys } from '@truffle/sealing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CommandKeyError, CommandSigner } from './command-key.ts';

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-command-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'keys');
};
const addKey = (folder: string, number: number): void => {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, `${number}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
};
const terms = {
  orgId: 'org_a',
  agentId: 'agt_a',
  commandId: 'cmd_a',
  resourceKey: 'r',
  fence: 1n,
  op: 'ping',
  payloadSha256: new Uint8Array(32),
  startBy: 1,
  runTimeout: 1,
  needsPermit: true,
};

describe('the keys of commands', () => {
  it('are made at the first start, for their owner alone, and stay', () => {
    const folder = newFolder();
    const one = CommandSigner.open(folder);
    expect(readdirSync(folder)).toEqual(['1.pem']);
    expect(statSync(join(folder, '1.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(CommandSigner.open(folder).published.keys).toEqual(one.published.keys);
    expect(one.published.version).toBe(1);
  });

  it('rotate with overlap: what is added is announced, and signs when the one before is gone', () => {
    const folder = newFolder();
    const first = CommandSigner.open(folder);
    addKey(folder, 2);
    const both = CommandSigner.open(folder);
    expect(mayReplaceKeys(first.published, both.published)).toBe(true);
    expect(both.sign(terms).keyId).toBe(first.sign(terms).keyId);
    rmSync(join(folder, '1.pem'));
    const last = CommandSigner.open(folder);
    expect(mayReplaceKeys(both.published, last.published)).toBe(true);
    const { signature, keyId: signer } = last.sign(terms);
    const [publicKey = new Uint8Array()] = last.published.keys;
    expect(signer).toBe(keyId(publicKey));
    expect(isCommandSigned(publicKey, terms, signature)).toBe(true);
    expect(isCommandSigned(first.published.keys[0] ?? publicKey, terms, signature)).toBe(false);
  });

  it('rise in version with every step', () => {
    const folder = newFolder();
    const versions = [CommandSigner.open(folder).published.version];
    for (let number = 2; number < 6; number++) {
      addKey(folder, number);
      versions.push(CommandSigner.open(folder).published.version);
      rmSync(join(folder, `${number - 1}.pem`));
      versions.push(CommandSigner.open(folder).published.version);
    }
    expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('are refused where they are no such keys, without a word of what they are', () => {
    const folder = newFolder();
    CommandSigner.open(folder);
    addKey(folder, 3);
    expect(() => CommandSigner.open(folder)).toThrow(CommandKeyError);
    writeFileSync(join(folder, '2.pem'), 'hunter2');
    expect(() => CommandSigner.open(folder)).toThrow(/2\.pem is no private Ed25519 key/);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    writeFileSync(
      join(folder, '2.pem'),
      createPublicKey(rsa.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'pem' }),
    );
    expect(() => CommandSigner.open(folder)).toThrow(CommandKeyError);
  });
});

import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ManifestInvalid, manifestText, parseManifest, verifiedManifest, type Manifest } from './manifest.ts';
import { compareVersions, isVersion } from './version-order.ts';

const manifest: Manifest = {
  version: '1.2.3',
  channel: 'stable',
  date: '2026-11-28T10:00:00.000Z',
  minimum: '1.0.0',
  artifacts: [
    {
      platform: 'linux-x64',
      sha256: 'a'.repeat(64),
      size: 150_000_000,
      packedSha256: 'b'.repeat(64),
      packedSize: 50_000_000,
    },
    { platform: 'win-x64', sha256: 'c'.repeat(64), size: 1, packedSha256: 'd'.repeat(64), packedSize: 2 },
  ],
};
const text = manifestText(manifest);
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' });

describe('a manifest', () => {
  test('is read as it was written, with lines of a later version passed over', () => {
    expect(parseManifest(text)).toEqual(manifest);
    expect(parseManifest(`${text}colour blue\n`)).toEqual(manifest);
  });

  test('is refused when anything in it is malformed', () => {
    const bad = [
      '',
      text.replace('release 1', 'release 2'),
      text.replace('version 1.2.3', 'version latest'),
      text.replace('version 1.2.3\n', ''),
      text.replace('minimum 1.0.0', 'minimum 1'),
      text.replace('channel stable', 'channel ../etc'),
      `${text}version 1.2.4\n`,
      text.replace('linux-x64', '../../etc'),
      text.replace('a'.repeat(64), 'A'.repeat(64)),
      text.replace('150000000', '-1'),
      text.replace('150000000', '1e99'),
      text.replace('50000000\n', '50000000 more\n'),
    ];
    for (const each of bad) expect(() => parseManifest(each), each).toThrow(ManifestInvalid);
  });

  test('is believed only when the release key signed exactly it', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const other = generateKeyPairSync('ed25519');
    const bytes = Buffer.from(text);
    const signature = sign(null, bytes, privateKey);
    expect(verifiedManifest(bytes, signature, pem(publicKey))).toEqual(manifest);
    const refused: readonly (readonly [Uint8Array, Uint8Array, string])[] = [
      [Buffer.from(`${text}\n`), signature, pem(publicKey)],
      [bytes, sign(null, bytes, other.privateKey), pem(publicKey)],
      [bytes, signature.subarray(1), pem(publicKey)],
      [bytes, Buffer.alloc(0), pem(publicKey)],
      [bytes, signature, pem(other.publicKey)],
      [bytes, signature, 'no key'],
      [bytes, signature, pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)],
      [Buffer.alloc(20_000), signature, pem(publicKey)],
    ];
    for (const [given, signed, by] of refused)
      expect(() => verifiedManifest(given, signed, by)).toThrow(ManifestInvalid);
  });
});

test('versions are ordered as releases are', () => {
  const inOrder = [
    '0.1.0',
    '0.2.0-alpha',
    '0.2.0-alpha.1',
    '0.2.0-alpha.beta',
    '0.2.0-beta.2',
    '0.2.0-beta.11',
    '0.2.0-rc.1',
    '0.2.0',
    '0.10.0',
    '1.0.0',
  ];
  for (const [i, a] of inOrder.entries())
    for (const [j, b] of inOrder.entries())
      expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).toBe(Math.sign(i - j));
  for (const each of ['1', '1.2', 'v1.2.3', '1.2.3-', '1.2.3+build', '1.2.3/..', ' 1.2.3', '1.2.3-a..b'])
    expect(isVersion(each), each).toBe(false);
});

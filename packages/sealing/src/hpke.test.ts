import { describe, expect, test } from 'vitest';
import { canonicalAad, type SealedFor } from './aad.ts';
import { open, seal, SealedValueError, suite } from './hpke.ts';
import { generateSealingKey } from './key.ts';

const hex = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'hex'));

/** RFC 9180, A.2.1: base mode of the suite that `hpke.ts` uses, first encryption. */
const rfc = {
  info: hex('4f6465206f6e2061204772656369616e2055726e'),
  ikmE: hex('909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b'),
  enc: hex('1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a'),
  skRm: hex('8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb'),
  pkRm: hex('4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a'),
  pt: hex('4265617574792069732074727574682c20747275746820626561757479'),
  aad: hex('436f756e742d30'),
  ct: hex('1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28'),
};

describe('RFC 9180 A.2.1', () => {
  test('opens the known ciphertext', async () => {
    const recipientKey = await suite.kem.deserializePrivateKey(rfc.skRm);
    const plaintext = await suite.open({ recipientKey, enc: rfc.enc, info: rfc.info }, rfc.ct, rfc.aad);
    expect(Buffer.from(plaintext).toString()).toBe('Beauty is truth, truth beauty');
  });

  test('seals to the known ciphertext with the known ephemeral key', async () => {
    const recipientPublicKey = await suite.kem.deserializePublicKey(rfc.pkRm);
    const sealed = await suite.seal(
      { recipientPublicKey, info: rfc.info, ekm: await suite.kem.deriveKeyPair(rfc.ikmE) },
      rfc.pt,
      rfc.aad,
    );
    expect(new Uint8Array(sealed.enc)).toEqual(rfc.enc);
    expect(new Uint8Array(sealed.ct)).toEqual(rfc.ct);
  });
});

describe('a sealed value', () => {
  const bound: SealedFor = {
    tenant: 'org_a',
    agent: 'agt_a',
    secretId: 'clu_a/password',
    version: 1,
    purpose: 'template-parameter',
    keyId: 'k',
    notAfter: 2_000_000_000,
  };
  const plaintext = new TextEncoder().encode('correct horse');

  test('opens for its own key and binding', async () => {
    const key = await generateSealingKey();
    const aad = canonicalAad(bound);
    const sealed = await seal({ publicKey: key.publicKey, plaintext, aad });
    expect(sealed.length).toBe(32 + plaintext.length + 16);
    expect(await open({ privateKey: key.privateKey, sealed, aad })).toEqual(plaintext);
  });

  test('opens for no other key, binding or bytes', async () => {
    const key = await generateSealingKey();
    const other = await generateSealingKey();
    const aad = canonicalAad(bound);
    const sealed = await seal({ publicKey: key.publicKey, plaintext, aad });
    const refused = async (given: Parameters<typeof open>[0]): Promise<void> => {
      await expect(open(given)).rejects.toBeInstanceOf(SealedValueError);
    };
    await refused({ privateKey: other.privateKey, sealed, aad });
    for (const change of [
      { tenant: 'org_b' },
      { agent: 'agt_b' },
      { secretId: 'x' },
      { version: 2 },
      { purpose: 'x' },
      { keyId: 'x' },
      { notAfter: 1 },
    ])
      await refused({ privateKey: key.privateKey, sealed, aad: canonicalAad({ ...bound, ...change }) });
    await refused({ privateKey: key.privateKey, sealed: sealed.subarray(0, 40), aad });
    for (const at of [0, 31, 32, sealed.length - 1]) {
      const changed = new Uint8Array(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await refused({ privateKey: key.privateKey, sealed: changed, aad });
    }
  });

  test('two sealings of the same value differ, also at the same time', async () => {
    const key = await generateSealingKey();
    const aad = canonicalAad(bound);
    const sealed = await Promise.all(
      Array.from({ length: 20 }, () => seal({ publicKey: key.publicKey, plaintext, aad })),
    );
    expect(new Set(sealed.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(20);
  });

  test('fields cannot run into each other', () => {
    const one = canonicalAad({ ...bound, tenant: 'ab', agent: 'c' });
    const two = canonicalAad({ ...bound, tenant: 'a', agent: 'bc' });
    expect(one).not.toEqual(two);
  });
});

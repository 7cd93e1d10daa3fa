import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { newAuthority } from '../testing/pki.ts';
import { certificateRequest } from './request.ts';

test('a request is one that others can read, and is signed by its key', async () => {
  const authority = await newAuthority();
  for (let i = 0; i < 20; i++) {
    // Signatures differ in length.
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const csr = certificateRequest(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const certificate = new X509Certificate(await authority.sign(new Uint8Array(csr), 'agt_1'));
    expect(certificate.publicKey.equals(createPublicKey(privateKey))).toBe(true);
    const forged = new Uint8Array(csr);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    await expect(authority.sign(forged, 'agt_1')).rejects.toThrow();
  }
});

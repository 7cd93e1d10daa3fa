import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import type { PublicKey, X509Certificate } from '@peculiar/x509';

// The library finds its parts by reflection, which has to be there first.
await import('reflect-metadata');
const x509 = await import('@peculiar/x509');
x509.cryptoProvider.set(webcrypto);
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 24 * 3600 * 1000;

/** A certificate with its key, both PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** An authority of a test's own. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly der: Uint8Array<ArrayBuffer>;
  /** A certificate for a new key; good for a day before and after now unless said otherwise, in milliseconds since 1970. */
  issue(name: string, from?: number, until?: number): Promise<Issued>;
  /** A certificate (DER) for the key of a PKCS #10 request; throws when the request is not signed by it. */
  sign(csr: Uint8Array<ArrayBuffer>, name: string, from?: number, until?: number): Promise<Uint8Array<ArrayBuffer>>;
}

export async function newAuthority(name = 'test authority'): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const issueFor = async (
    publicKey: PublicKey | CryptoKey,
    subject: string,
    from = Date.now() - day,
    until = Date.now() + day,
  ): Promise<X509Certificate> =>
    x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex'),
      subject: `CN=${subject}`,
      issuer: root.subject,
      notBefore: new Date(from),
      notAfter: new Date(until),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey: keys.privateKey,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: subject }])],
    });
  return {
    certificate: root.toString('pem'),
    der: new Uint8Array(root.rawData),
    issue: async (subject, from, until) => {
      const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      });
      const spki = new Uint8Array(createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' }));
      const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
      return { certificate: (await issueFor(publicKey, subject, from, until)).toString('pem'), key };
    },
    sign: async (csr, subject, from, until) => {
      const request = new x509.Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error('the request is not signed by its key');
      return new Uint8Array((await issueFor(request.publicKey, subject, from, until)).rawData);
    },
  };
}

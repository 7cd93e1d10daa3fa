import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

// Not in the package's index: who makes no certificates does not load what makes them. The library looks for reflection while it loads, so
// whoever takes it from here has it in the right order.
export { x509 };

/** Keys of all certificates that Truffle makes, its authorities' and others'. */
export const certificateAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const hourMs = 3_600_000;
const authorityMs = 3_650 * 24 * hourMs;

/** What is kept of an authority, or of one who shows a certificate. PEM. */
export interface KeptCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** An authority that certificates can be made by. */
export interface Issuer {
  readonly key: webcrypto.CryptoKey;
  readonly certificate: x509.X509Certificate;
}

export interface CertificateWanted {
  readonly publicKey: webcrypto.CryptoKey;
  /** As `CN=name`. */
  readonly subject: string;
  readonly lifetimeMs: number;
  /** Its names, and what it is for. */
  readonly extensions: readonly x509.Extension[];
}

export interface IssuedCertificate {
  readonly certificate: x509.X509Certificate;
  /** Upper-case hex, as TLS tells a peer's. */
  readonly serial: string;
  readonly ends: Date;
}

/** Makes an authority whose certificates are leaves, good for ten years. @param name as `CN=name`: a verifier finds an issuer by it */
export async function makeAuthority(name: string): Promise<KeptCertificate> {
  const keys = await makeKeys();
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name,
    notBefore: new Date(now - hourMs),
    notAfter: new Date(now + authorityMs),
    signingAlgorithm: certificateAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await privatePem(keys.privateKey), certificate: certificate.toString('pem') };
}

export async function openIssuer({ key, certificate }: KeptCertificate): Promise<Issuer> {
  const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' });
  return {
    key: await webcrypto.subtle.importKey('pkcs8', pkcs8, certificateAlgorithm, false, ['sign']),
    certificate: new x509.X509Certificate(certificate),
  };
}

/** A certificate for a key, valid from a little earlier: an hour, or a 24th of its life. */
export async function issueCertificate(issuer: Issuer, wanted: CertificateWanted): Promise<IssuedCertificate> {
  const serial = serialNumber();
  const now = Date.now();
  // Certificates carry whole seconds.
  const ends = new Date(Math.floor((now + wanted.lifetimeMs) / 1_000) * 1_000);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: wanted.subject,
    issuer: issuer.certificate.subject,
    notBefore: new Date(now - Math.min(hourMs, wanted.lifetimeMs / 24)),
    notAfter: ends,
    signingAlgorithm: certificateAlgorithm,
    signingKey: issuer.key,
    publicKey: wanted.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
      ...wanted.extensions,
    ],
  });
  return { certificate, serial: serial.toUpperCase(), ends };
}

/** As `issueCertificate`, for a key that is made here. */
export async function issueWithKey(
  issuer: Issuer,
  wanted: Omit<CertificateWanted, 'publicKey'>,
): Promise<KeptCertificate> {
  const keys = await makeKeys();
  const { certificate } = await issueCertificate(issuer, { ...wanted, publicKey: keys.publicKey });
  return { key: await privatePem(keys.privateKey), certificate: certificate.toString('pem') };
}

const makeKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(certificateAlgorithm, true, ['sign', 'verify']);

/** A positive number of 16 bytes that does not begin with zero (RFC 5280, 4.1.2.2). */
const serialNumber = (): string =>
  Buffer.concat([Buffer.from([0x40 | ((randomBytes(1)[0] ?? 0) & 0x3f)]), randomBytes(15)]).toString('hex');

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' });
}

import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { internalName, tlsFiles } from '@truffle/kit';
import { writePrivately, type StateFolder } from './state-folder.ts';

/** Every part of an installation that shows a certificate to the others. `operator` is who runs it: the bootstrap, and who looks at metrics. */
const parts = [
  'tenant',
  'template',
  'billing',
  'orchestration',
  'agent-gateway',
  'all-in-one',
  'edge',
  'operator',
  'nats',
  'temporal',
  'postgres',
] as const;

export type Part = (typeof parts)[number];

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const authorityDays = 3_650;
const leafDays = 90;
/** A certificate with less than this left is made anew at a start. */
const renewedDays = 30;

/** Where a part finds what it shows, and whom it believes. */
export const tlsFolder = (folder: StateFolder, part: Part): string => join(folder.keys, 'tls', part);

/** Makes the authority of this installation where there is none, and the parts' certificates where they are missing or end soon. */
export async function ensureInternalTls(folder: StateFolder): Promise<void> {
  const authority = await openAuthority(join(folder.keys, 'tls', 'authority'));
  for (const part of parts) {
    const at = tlsFolder(folder, part);
    if (!isGood(at, authority)) await issue(at, part, authority);
  }
}

interface OpenAuthority {
  readonly key: webcrypto.CryptoKey;
  readonly certificate: x509.X509Certificate;
}

async function openAuthority(at: string): Promise<OpenAuthority> {
  const [keyFile, certificateFile] = [join(at, tlsFiles.key), join(at, tlsFiles.certificate)];
  if (!existsSync(certificateFile)) {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const now = Date.now();
    const made = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: 'CN=Truffle installation',
      notBefore: new Date(now - hourMs),
      notAfter: new Date(now + authorityDays * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    mkdirSync(at, { recursive: true, mode: 0o700 });
    writePrivately(keyFile, await pemOf(keys.privateKey));
    // Written last: it stands for the whole.
    writePrivately(certificateFile, made.toString('pem'));
  }
  const pkcs8 = createPrivateKey(readFileSync(keyFile)).export({ type: 'pkcs8', format: 'der' });
  return {
    key: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    certificate: new x509.X509Certificate(readFileSync(certificateFile, 'utf8')),
  };
}

function isGood(at: string, { certificate }: OpenAuthority): boolean {
  if (!existsSync(join(at, tlsFiles.certificate))) return false;
  const leaf = new X509Certificate(readFileSync(join(at, tlsFiles.certificate)));
  const issuer = new X509Certificate(Buffer.from(certificate.rawData));
  return (
    leaf.checkIssued(issuer) &&
    leaf.verify(issuer.publicKey) &&
    leaf.validToDate.getTime() - Date.now() > renewedDays * dayMs
  );
}

/** All parts run on this machine: a certificate is good for its own name, and for the loopback addresses for programs that look at those alone. */
async function issue(at: string, part: Part, authority: OpenAuthority): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const now = Date.now();
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=${internalName(part)}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(now - hourMs),
    notAfter: new Date(now + leafDays * dayMs),
    signingAlgorithm: algorithm,
    signingKey: authority.key,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: internalName(part) },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  mkdirSync(at, { recursive: true, mode: 0o700 });
  writePrivately(join(at, tlsFiles.authority), authority.certificate.toString('pem'));
  writePrivately(join(at, tlsFiles.key), await pemOf(keys.privateKey));
  writePrivately(join(at, tlsFiles.certificate), made.toString('pem'));
}

/** A positive number of 128 bits (RFC 5280, 4.1.2.2). */
const serial = (): string => `4${randomBytes(16).toString('hex').slice(1)}`;

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' });
}

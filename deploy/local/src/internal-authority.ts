import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { internalName, tlsFiles } from '@truffle/kit';
import { issueWithKey, makeAuthority, openIssuer, x509, type Issuer } from '@truffle/kit/certificates';
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

const dayMs = 24 * 3_600_000;
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

async function openAuthority(at: string): Promise<Issuer> {
  const [keyFile, certificateFile] = [join(at, tlsFiles.key), join(at, tlsFiles.certificate)];
  if (!existsSync(certificateFile)) {
    const made = await makeAuthority('CN=Truffle installation');
    mkdirSync(at, { recursive: true, mode: 0o700 });
    writePrivately(keyFile, made.key);
    // Written last: it stands for the whole.
    writePrivately(certificateFile, made.certificate);
  }
  return openIssuer({ key: readFileSync(keyFile, 'utf8'), certificate: readFileSync(certificateFile, 'utf8') });
}

function isGood(at: string, { certificate }: Issuer): boolean {
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
async function issue(at: string, part: Part, authority: Issuer): Promise<void> {
  const made = await issueWithKey(authority, {
    subject: `CN=${internalName(part)}`,
    lifetimeMs: leafDays * dayMs,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: internalName(part) },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
    ],
  });
  mkdirSync(at, { recursive: true, mode: 0o700 });
  writePrivately(join(at, tlsFiles.authority), authority.certificate.toString('pem'));
  writePrivately(join(at, tlsFiles.key), made.key);
  writePrivately(join(at, tlsFiles.certificate), made.certificate);
}

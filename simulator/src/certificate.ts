import { randomBytes, webcrypto } from 'node:crypto';

/** PEM texts of the site's certificate authority and of the certificate its API shows. */
export interface Certificates {
  caCert: string;
  key: string;
  cert: string;
  /** Another certificate of the same authority; undefined once the authority's key is gone. */
  renew?: () => Promise<{ key: string; cert: string }>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
const DAY_MS = 24 * 3600 * 1000;

/** Makes a CA and a leaf for loopback and the node names. */
export async function makeCertificates(nodes: readonly string[], nowMs: number): Promise<Certificates> {
  // The library looks for the reflection of its classes while it loads.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const crypto = webcrypto;
  x509.cryptoProvider.set(crypto);
  const caKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const validity = { notBefore: new Date(nowMs - DAY_MS), notAfter: new Date(nowMs + TEN_YEARS_MS) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Proxmox Virtual Environment, OU=simulated, O=PVE Cluster Manager CA',
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const renew = async (): Promise<{ key: string; cert: string }> => {
    const leafKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: randomBytes(8).toString('hex'),
      subject: `CN=${nodes[0] ?? 'pve1'}.local, OU=PVE Cluster Node, O=Proxmox Virtual Environment`,
      issuer: ca.subject,
      ...validity,
      signingAlgorithm: ALGORITHM,
      publicKey: leafKeys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'ip', value: '127.0.0.1' },
          { type: 'dns', value: 'localhost' },
          ...nodes.map((node) => ({ type: 'dns' as const, value: node })),
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
      ],
    });
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey);
    return {
      cert: `${leaf.toString('pem')}\n${ca.toString('pem')}\n`,
      key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    };
  };
  return { caCert: `${ca.toString('pem')}\n`, ...(await renew()), renew };
}

import 'reflect-metadata';
import { createHash, createHmac, createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';

/** A certificate request that is no good; `problem` says how. */
export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError';
  readonly code = 'CERTIFICATE_REQUEST_INVALID';
}

export interface IssuedCertificate {
  readonly der: Buffer;
  /** Upper-case hex, as TLS tells a peer's. */
  readonly serial: string;
  readonly ends: Date;
}

/** Name that the gateway's certificate carries, wherever it is dialled. */
export const serverName = 'agents.truffle.internal';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const authorityDays = 3_650;
const serverDays = 397;

/** The authority of agents' and gateways' certificates; its key is in a file that only its owner reads. */
export class Authority {
  readonly #key: webcrypto.CryptoKey;
  readonly #certificate: x509.X509Certificate;
  readonly #secret: Buffer;

  private constructor(key: webcrypto.CryptoKey, certificate: x509.X509Certificate, secret: Buffer) {
    this.#key = key;
    this.#certificate = certificate;
    this.#secret = secret;
  }

  /** Opens an authority in `folder`, or makes the first one there; of several processes that start at once, the first one's stays. */
  static async open(folder: string, name = 'ca'): Promise<Authority> {
    const files = authorityFiles(name);
    if (!existsSync(join(folder, files.certificate))) await makeFirst(folder, name);
    const pkcs8 = createPrivateKey(readFileSync(join(folder, files.key))).export({ type: 'pkcs8', format: 'der' });
    const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
    const certificate = new x509.X509Certificate(readFileSync(join(folder, files.certificate), 'utf8'));
    return new Authority(key, certificate, createHash('sha256').update(pkcs8).digest());
  }

  get pem(): string {
    return this.#certificate.toString('pem');
  }

  get der(): Buffer {
    return Buffer.from(this.#certificate.rawData);
  }

  /** SHA-256 of the authority's public key (SPKI), in hex: what a person hands to the agent beside the token. */
  get pin(): string {
    return createHash('sha256').update(Buffer.from(this.#certificate.publicKey.rawData)).digest('hex');
  }

  /** Authenticates `bytes` for one purpose by a secret that only the key's holders have. */
  mac(label: string, bytes: Uint8Array): Buffer {
    return createHmac('sha256', createHmac('sha256', this.#secret).update(label).digest()).update(bytes).digest();
  }

  /** A certificate for the agent, valid from a little earlier: an hour, or a 24th of its life. @throws CertificateRequestError */
  async issueAgent(
    csr: Uint8Array,
    agent: { readonly orgId: string; readonly agentId: string },
    lifetimeMs: number,
  ): Promise<IssuedCertificate> {
    const publicKey = await requestedKey(csr);
    return this.#issue(publicKey, `CN=${agent.agentId}, O=${agent.orgId}`, lifetimeMs, [
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: agentUri(agent) }]),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ]);
  }

  /** Key and certificate of a gateway that agents reach as `serverName` or one of `hosts`. PEM. */
  async issueServer(hosts: readonly string[]): Promise<{ readonly key: string; readonly certificate: string }> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const names = [serverName, ...hosts].map((host) => ({
      type: isAddress(host) ? ('ip' as const) : ('dns' as const),
      value: host,
    }));
    const { der } = await this.#issue(keys.publicKey, `CN=${serverName}`, serverDays * dayMs, [
      new x509.SubjectAlternativeNameExtension(names),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ]);
    return { key: await privatePem(keys.privateKey), certificate: new X509Certificate(der).toString() };
  }

  async #issue(
    publicKey: webcrypto.CryptoKey,
    subject: string,
    lifetimeMs: number,
    extensions: x509.Extension[],
  ): Promise<IssuedCertificate> {
    const serial = serialNumber();
    const now = Date.now();
    // Certificates carry whole seconds.
    const ends = new Date(Math.floor((now + lifetimeMs) / 1_000) * 1_000);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject,
      issuer: this.#certificate.subject,
      notBefore: new Date(now - Math.min(hourMs, lifetimeMs / 24)),
      notAfter: ends,
      signingAlgorithm: algorithm,
      signingKey: this.#key,
      publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
        ...extensions,
      ],
    });
    return { der: Buffer.from(certificate.rawData), serial: serial.toUpperCase(), ends };
  }
}

/** The files of the authority of that name. */
export const authorityFiles = (name: string) => ({ key: `${name}.key.pem`, certificate: `${name}.cert.pem` }) as const;

/** The name that an agent's certificate says it by. */
export const agentUri = (agent: { readonly orgId: string; readonly agentId: string }): string =>
  `truffle://${agent.orgId}/${agent.agentId}`;

/** Makes an authority of that name in the folder, which is there: the certificate is written last, and stands for the whole. */
export async function makeAuthority(folder: string, name: string): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // A name for each: a verifier finds an issuer by it.
    name: name === 'ca' ? 'CN=Truffle agents' : `CN=Truffle agents ${name}`,
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
  const files = authorityFiles(name);
  writeFileSync(join(folder, files.key), await privatePem(keys.privateKey), { mode: 0o600 });
  writeFileSync(join(folder, files.certificate), certificate.toString('pem'), { mode: 0o644 });
}

async function makeFirst(folder: string, name: string): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  const made = mkdtempSync(`${folder}.`);
  await makeAuthority(made, name);
  try {
    // Fails where the folder is there with something in it: another process was first.
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(join(folder, authorityFiles(name).certificate))) throw error;
  }
}

/** The public key that a request is for, SPKI in DER. @throws CertificateRequestError */
export const keyOfRequest = async (csr: Uint8Array): Promise<Buffer> =>
  Buffer.from(await webcrypto.subtle.exportKey('spki', await requestedKey(csr)));

async function requestedKey(csr: Uint8Array): Promise<webcrypto.CryptoKey> {
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr));
    if (!(await request.verify())) throw new CertificateRequestError('is not signed by its own key');
    return await request.publicKey.export(algorithm, ['verify']);
  } catch (cause) {
    if (cause instanceof CertificateRequestError) throw cause;
    throw new CertificateRequestError('is not a PKCS #10 request with a P-256 key', { cause });
  }
}

/** A positive number of 16 bytes that does not begin with zero. */
const serialNumber = (): string =>
  Buffer.concat([Buffer.from([0x40 | ((randomBytes(1)[0] ?? 0) & 0x3f)]), randomBytes(15)]).toString('hex');
const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' });
}

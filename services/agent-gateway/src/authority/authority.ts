import { createHash, createHmac, createPrivateKey, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  certificateAlgorithm,
  issueCertificate,
  issueWithKey,
  makeAuthority as makeKeptAuthority,
  openIssuer,
  x509,
  type Issuer,
  type KeptCertificate,
} from '@truffle/kit/certificates';

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

const serverMs = 397 * 24 * 3_600_000;

/** The authority of agents' and gateways' certificates; its key is in a file that only its owner reads. */
export class Authority {
  readonly #issuer: Issuer;
  readonly #secret: Buffer;

  private constructor(issuer: Issuer, secret: Buffer) {
    this.#issuer = issuer;
    this.#secret = secret;
  }

  /** Opens an authority in `folder`, or makes the first one there; of several processes that start at once, the first one's stays. */
  static async open(folder: string, name = 'ca'): Promise<Authority> {
    const files = authorityFiles(name);
    if (!existsSync(join(folder, files.certificate))) await makeFirst(folder, name);
    const key = readFileSync(join(folder, files.key), 'utf8');
    const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' });
    const certificate = readFileSync(join(folder, files.certificate), 'utf8');
    return new Authority(await openIssuer({ key, certificate }), createHash('sha256').update(pkcs8).digest());
  }

  get pem(): string {
    return this.#issuer.certificate.toString('pem');
  }

  get der(): Buffer {
    return Buffer.from(this.#issuer.certificate.rawData);
  }

  /** SHA-256 of the authority's public key (SPKI), in hex: what a person hands to the agent beside the token. */
  get pin(): string {
    return createHash('sha256').update(Buffer.from(this.#issuer.certificate.publicKey.rawData)).digest('hex');
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
    const { certificate, serial, ends } = await issueCertificate(this.#issuer, {
      publicKey: await requestedKey(csr),
      subject: `CN=${agent.agentId}, O=${agent.orgId}`,
      lifetimeMs,
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: agentUri(agent) }]),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ],
    });
    return { der: Buffer.from(certificate.rawData), serial, ends };
  }

  /** Key and certificate of a gateway that agents reach as `serverName` or one of `hosts`. PEM. */
  async issueServer(hosts: readonly string[]): Promise<KeptCertificate> {
    const names = [serverName, ...hosts].map((host) => ({
      type: isAddress(host) ? ('ip' as const) : ('dns' as const),
      value: host,
    }));
    return issueWithKey(this.#issuer, {
      subject: `CN=${serverName}`,
      lifetimeMs: serverMs,
      extensions: [
        new x509.SubjectAlternativeNameExtension(names),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ],
    });
  }
}

/** The files of the authority of that name. */
export const authorityFiles = (name: string) => ({ key: `${name}.key.pem`, certificate: `${name}.cert.pem` }) as const;

/** The name that an agent's certificate says it by. */
export const agentUri = (agent: { readonly orgId: string; readonly agentId: string }): string =>
  `truffle://${agent.orgId}/${agent.agentId}`;

/** Makes an authority of that name in the folder, which is there: the certificate is written last, and stands for the whole. */
export async function makeAuthority(folder: string, name: string): Promise<void> {
  // A name for each: a verifier finds an issuer by it.
  const made = await makeKeptAuthority(name === 'ca' ? 'CN=Truffle agents' : `CN=Truffle agents ${name}`);
  const files = authorityFiles(name);
  writeFileSync(join(folder, files.key), made.key, { mode: 0o600 });
  writeFileSync(join(folder, files.certificate), made.certificate, { mode: 0o644 });
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
    return await request.publicKey.export(certificateAlgorithm, ['verify']);
  } catch (cause) {
    if (cause instanceof CertificateRequestError) throw cause;
    throw new CertificateRequestError('is not a PKCS #10 request with a P-256 key', { cause });
  }
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

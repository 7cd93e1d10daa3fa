import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import { generateSealingKey } from '@truffle/sealing';
import { identityFiles, type IdentityFolder } from './folder.ts';

/** The public halves of the agent's keys, and the request for its certificate. */
export interface EnrollmentKeys {
  /** PKCS #10 in DER, signed by the mTLS key. */
  readonly csr: Uint8Array<ArrayBuffer>;
  /** X25519, 32 bytes. */
  readonly sealingPublicKey: Uint8Array<ArrayBuffer>;
  /** Ed25519, 32 bytes. */
  readonly identityPublicKey: Uint8Array<ArrayBuffer>;
}

/** Length of the header before the 32 raw bytes of an Ed25519 or X25519 key in SPKI (RFC 8410). */
const spkiHeader = 12;

/**
 * The keys in the folder; what is missing is made and stored first. The request is made once and kept, so that a repeated
 * enrolment sends the same bytes and gets the same certificate.
 */
export async function ensureKeys(folder: IdentityFolder): Promise<EnrollmentKeys> {
  const mtls = ensure(folder, identityFiles.mtlsKey, () => newKey('ec'));
  const identity = ensure(folder, identityFiles.identityKey, () => newKey('ed25519'));
  const sealing = await ensureSealingKey(folder);
  const known = folder.read(identityFiles.request);
  const csr = known ?? (await certificateRequest(mtls.toString()));
  if (known === undefined) folder.write(identityFiles.request, csr);
  return { csr: new Uint8Array(csr), sealingPublicKey: sealing, identityPublicKey: rawPublicKey(identity.toString()) };
}

function ensure(folder: IdentityFolder, name: string, make: () => string): Buffer {
  const known = folder.read(name);
  if (known !== undefined) return known;
  const made = make();
  folder.write(name, made);
  return Buffer.from(made);
}

function newKey(kind: 'ec' | 'ed25519'): string {
  const { privateKey } =
    kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** The sealing key is stored as its 64 bytes in hex: private, then public. */
async function ensureSealingKey(folder: IdentityFolder): Promise<Uint8Array<ArrayBuffer>> {
  const known = folder.read(identityFiles.sealingKey);
  if (known !== undefined) return new Uint8Array(Buffer.from(known.toString().trim(), 'hex').subarray(32));
  const pair = await generateSealingKey();
  folder.write(identityFiles.sealingKey, `${Buffer.concat([pair.privateKey, pair.publicKey]).toString('hex')}\n`);
  return pair.publicKey;
}

const rawPublicKey = (privatePem: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    createPublicKey(createPrivateKey(privatePem)).export({ type: 'spki', format: 'der' }).subarray(spkiHeader),
  );

/** The subject is left to the gateway: it knows who the join token is for. */
async function certificateRequest(mtlsPem: string): Promise<Buffer> {
  // Loaded here since a running agent never needs them; the first is what the second finds its parts by.
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator, PemConverter } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const [pkcs8 = new ArrayBuffer()] = PemConverter.decode(mtlsPem);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
  const spki = createPublicKey(createPrivateKey(mtlsPem)).export({ type: 'spki', format: 'der' });
  const publicKey = await webcrypto.subtle.importKey('spki', new Uint8Array(spki), algorithm, true, ['verify']);
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name: 'CN=truffle-agent', keys: { privateKey, publicKey }, signingAlgorithm: algorithm },
    webcrypto,
  );
  return Buffer.from(request.rawData);
}

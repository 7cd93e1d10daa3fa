import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { enrolmentWords, generateSealingKey } from '@truffle/sealing';
import { readIdentity } from './identity.ts';
import { IdentityFolder, identityFiles, pairFiles } from './folder.ts';
import { certificateRequest } from './request.ts';

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
  const identity = ensure(folder, identityFiles.identityKey, () => newKey('ed25519'));
  const sealing = await ensureSealingKey(folder);
  return {
    csr: ensureRequest(folder, 0),
    sealingPublicKey: sealing,
    identityPublicKey: rawPublicKey(identity.toString()),
  };
}

/** The request for a pair's certificate; key and request are made and stored where they are missing, and sent again as they are. */
export function ensureRequest(folder: IdentityFolder, pair: number): Uint8Array<ArrayBuffer> {
  const files = pairFiles(pair);
  const key = ensure(folder, files.key, () => newKey('ec'));
  const known = folder.read(files.request);
  const csr = known ?? certificateRequest(key.toString());
  if (known === undefined) folder.write(files.request, csr);
  return new Uint8Array(csr);
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

/** The 32 bytes of the public half of an Ed25519 or X25519 key. */
export const rawPublicKey = (privatePem: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    createPublicKey(createPrivateKey(privatePem)).export({ type: 'spki', format: 'der' }).subarray(spkiHeader),
  );

/** Words of all three keys, which a person compares before the agent is approved; undefined before it enrolled. */
export function approvalWords(dataFolder: string): string | undefined {
  const identity = readIdentity(dataFolder);
  const key = new IdentityFolder(dataFolder).read(identityFiles.identityKey);
  if (identity === undefined || key === undefined) return undefined;
  return enrolmentWords({
    mtls: createPublicKey(createPrivateKey(identity.mtlsKey)).export({ type: 'spki', format: 'der' }),
    identity: rawPublicKey(key.toString()),
    sealing: identity.sealing.publicKey,
  });
}

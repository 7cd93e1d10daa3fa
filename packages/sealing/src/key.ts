import { createHash } from 'node:crypto';
import { suite } from './hpke.ts';
import { fingerprintWordList } from './words.ts';

/** A key pair that secrets are sealed to. */
export interface SealingKeyPair {
  /** X25519, 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** X25519, 32 bytes; never leaves the agent. */
  readonly privateKey: Uint8Array<ArrayBuffer>;
}

/** A new key pair from the system's random source. */
export async function generateSealingKey(): Promise<SealingKeyPair> {
  const pair = await suite.kem.generateKeyPair();
  return {
    publicKey: new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey)),
    privateKey: new Uint8Array(await suite.kem.serializePrivateKey(pair.privateKey)),
  };
}

/** Names a public key: the first 16 bytes of its SHA-256 in hex. */
export function keyId(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 32);
}

/** Eight words that a person compares: the first 8 bytes of the key's SHA-256, one word each, joined by `-`. */
export function fingerprintWords(publicKey: Uint8Array): string {
  const digest = createHash('sha256').update(publicKey).digest();
  return [...digest.subarray(0, 8)].map((byte) => fingerprintWordList[byte]).join('-');
}

import { Chacha20Poly1305 } from '@hpke/chacha20poly1305';
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';

/** RFC 9180 base mode, suite 0x0020/0x0001/0x0003: X25519 with HKDF-SHA256, HKDF-SHA256, ChaCha20-Poly1305. */
export const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
});

/** Bytes of an X25519 key, public or private, and of HPKE's encapsulated key. */
export const keyBytes = 32;
const tagBytes = 16;
const info = new TextEncoder().encode('truffle/secret/v1');

/** A sealed value can't be opened: another key, other associated data, or it was changed. Which one can't be told. */
export class SealedValueError extends Error {
  override readonly name = 'SealedValueError';
  readonly code = 'SEALED_VALUE_INVALID';
}

export interface SealInput {
  /** X25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly plaintext: Uint8Array;
  /** Of `canonicalAad`: opening needs the same. */
  readonly aad: Uint8Array;
}

export interface OpenInput {
  /** X25519, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** As `seal` gave it. */
  readonly sealed: Uint8Array;
  readonly aad: Uint8Array;
}

/**
 * Seals one value under a key used for nothing else (single-shot HPKE). Returns the encapsulated key (32 bytes) followed by the ciphertext.
 * @throws RangeError when the key has another length
 */
export const seal = (input: SealInput): Promise<Uint8Array<ArrayBuffer>> => sealWith(input, { info });

/**
 * Opens what `seal` made.
 * @throws SealedValueError when it does not open
 * @throws RangeError when the key has another length
 */
export const open = (input: OpenInput): Promise<Uint8Array<ArrayBuffer>> => openWith(input, { info });

/**
 * As `seal`, and authenticated: it opens only as sealed by the owner of `sender`, a private key. `purpose` keeps kinds of values apart.
 * @throws RangeError when a key has another length
 */
export const sealFrom = async (
  sender: Uint8Array,
  input: SealInput,
  purpose: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> =>
  sealWith(input, { info: purpose, senderKey: await suite.kem.deserializePrivateKey(exactly(keyBytes, sender)) });

/**
 * Opens what `sealFrom` made for the same purpose; `sender` is the public key.
 * @throws SealedValueError when it does not open
 * @throws RangeError when a key has another length
 */
export const openFrom = async (
  sender: Uint8Array,
  input: OpenInput,
  purpose: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> =>
  openWith(input, { info: purpose, senderPublicKey: await suite.kem.deserializePublicKey(exactly(keyBytes, sender)) });

type SealTerms = Omit<Parameters<typeof suite.seal>[0], 'recipientPublicKey'>;
type OpenTerms = Omit<Parameters<typeof suite.open>[0], 'recipientKey' | 'enc'>;

async function sealWith(input: SealInput, terms: SealTerms): Promise<Uint8Array<ArrayBuffer>> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(exactly(keyBytes, input.publicKey));
  const { enc, ct } = await suite.seal({ recipientPublicKey, ...terms }, plain(input.plaintext), plain(input.aad));
  const sealed = new Uint8Array(enc.byteLength + ct.byteLength);
  sealed.set(new Uint8Array(enc));
  sealed.set(new Uint8Array(ct), enc.byteLength);
  return sealed;
}

async function openWith(input: OpenInput, terms: OpenTerms): Promise<Uint8Array<ArrayBuffer>> {
  const recipientKey = await suite.kem.deserializePrivateKey(exactly(keyBytes, input.privateKey));
  if (input.sealed.length < keyBytes + tagBytes) throw new SealedValueError('the sealed value is cut short');
  const enc = plain(input.sealed.subarray(0, keyBytes));
  const ciphertext = plain(input.sealed.subarray(keyBytes));
  try {
    return new Uint8Array(await suite.open({ recipientKey, enc, ...terms }, ciphertext, plain(input.aad)));
  } catch (cause) {
    throw new SealedValueError('the value was not sealed for this key and purpose', { cause });
  }
}

function exactly(length: number, key: Uint8Array): ArrayBuffer {
  if (key.length !== length) throw new RangeError(`an X25519 key has ${length} bytes, not ${key.length}`);
  return plain(key);
}

/** A copy in a buffer of its own: a view into a larger pool must not reach the primitives. */
function plain(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

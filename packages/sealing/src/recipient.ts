import { createHash } from 'node:crypto';
import { keyBytes } from './hpke.ts';
import type { SealingKeyPair } from './key.ts';

const prefix = 'tfk_';
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const shape = /^tfk_[0-9a-hjkmnp-tv-z]{56}$/;
const checksumBytes = 3;

/**
 * The public key of a person's client as people write it: `tfk_` and 56 characters of lower-case Crockford base32, the last of which
 * tell a mistyped one. @throws RangeError when it has not 32 bytes
 */
export function recipientText(publicKey: Uint8Array): string {
  if (publicKey.length !== keyBytes)
    throw new RangeError(`an X25519 key has ${keyBytes} bytes, not ${publicKey.length}`);
  const hex = Buffer.concat([publicKey, checksumOf(publicKey)]).toString('hex');
  let value = BigInt(`0x${hex}`);
  let digits = '';
  for (; digits.length < 56; value >>= 5n) digits = `${alphabet[Number(value & 31n)] ?? ''}${digits}`;
  return `${prefix}${digits}`;
}

/** The public key that `recipientText` wrote; undefined for any other text. */
export function parseRecipient(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!shape.test(text)) return undefined;
  let value = 0n;
  for (const digit of text.slice(prefix.length)) value = (value << 5n) | BigInt(alphabet.indexOf(digit));
  const bytes = Buffer.from(value.toString(16).padStart(2 * (keyBytes + checksumBytes), '0'), 'hex');
  const publicKey = new Uint8Array(bytes.subarray(0, keyBytes));
  return checksumOf(publicKey).equals(bytes.subarray(keyBytes)) ? publicKey : undefined;
}

const checksumOf = (publicKey: Uint8Array): Buffer =>
  createHash('sha256').update('truffle/recipient/v1').update(publicKey).digest().subarray(0, checksumBytes);

/** A key pair of a person's client as its file holds it: JSON, the private half in clear. */
export const recipientKeyText = ({ publicKey, privateKey }: SealingKeyPair): string =>
  `${JSON.stringify({ publicKey: recipientText(publicKey), privateKey: Buffer.from(privateKey).toString('hex') }, null, 2)}\n`;

/** The pair that `recipientKeyText` wrote; undefined for any other text. */
export function parseRecipientKey(text: string): SealingKeyPair | undefined {
  let data: { readonly publicKey?: unknown; readonly privateKey?: unknown } | null;
  try {
    data = JSON.parse(text) as typeof data;
  } catch {
    // The cause is left out: it may quote the text.
    return undefined;
  }
  const { publicKey, privateKey } = data ?? {};
  const own = typeof publicKey === 'string' ? parseRecipient(publicKey) : undefined;
  if (own === undefined || typeof privateKey !== 'string' || !/^[0-9a-f]{64}$/.test(privateKey)) return undefined;
  return { publicKey: own, privateKey: new Uint8Array(Buffer.from(privateKey, 'hex')) };
}

import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `tfs`: a person's session. `tfk`: an API key. `tfw`: a workload's token. `tft`: a link that went out by mail. `tfc`: a challenge. `tfd`: a device's code. */
export type CredentialKind = 'tfs' | 'tfk' | 'tft' | 'tfc' | 'tfw' | 'tfd';

/** A new credential: the secret is given away once, the digest is kept. */
export interface NewCredential {
  readonly secret: string;
  readonly sha256: Buffer;
  /** The first characters, to tell it by. */
  readonly hint: string;
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const secretBytes = 32;
/** Digits that 32 bytes and a CRC-32 take in base 62. */
const bodyDigits = 43;
const checksumDigits = 6;
const shape = /^(tfs|tfk|tft|tfc|tfw|tfd)_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** Makes `<kind>_<32 random bytes in base 62><CRC-32 of all before it>`: the prefix and the checksum let secret scanners tell one offline. */
export function newCredential(kind: CredentialKind, random: Buffer = randomBytes(secretBytes)): NewCredential {
  const body = `${kind}_${base62(BigInt(`0x${random.toString('hex')}`), bodyDigits)}`;
  const secret = body + checksumOf(body);
  return { secret, sha256: digestOf(secret), hint: secret.slice(0, 10) };
}

/** What kind of credential `text` is, and its digest; undefined for anything that this program never made. */
export function readCredential(text: string): { readonly kind: CredentialKind; readonly sha256: Buffer } | undefined {
  const [, kind, digits, checksum] = shape.exec(text) ?? [];
  if (kind === undefined || checksumOf(`${kind}_${digits}`) !== checksum) return undefined;
  return { kind: kind as CredentialKind, sha256: digestOf(text) };
}

/** The secret has 256 random bits, so a bare digest can't be searched: no salt, no slow hash. */
const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

const checksumOf = (body: string): string => base62(BigInt(crc32(body)), checksumDigits);

function base62(value: bigint, digits: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < digits; i++) {
    text = (alphabet[Number(rest % 62n)] ?? '') + text;
    rest /= 62n;
  }
  return text;
}

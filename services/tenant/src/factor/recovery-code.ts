import { createHash, randomBytes } from 'node:crypto';

const howMany = 10;
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const digits = 25;

/** Ten new codes, `xxxxx-xxxxx-xxxxx-xxxxx-xxxxx`: 125 random bits each in Crockford base32, which a bare digest keeps as well as any. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: howMany }, () =>
    [...randomBytes(digits)]
      .map((byte) => alphabet[byte & 31])
      .join('')
      .replaceAll(/.{5}(?=.)/g, '$&-'),
  );

/** Digest of a code as people type it: case, dashes and look-alikes do not matter. */
export function recoveryDigest(code: string): Buffer {
  const plain = code.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1');
  return createHash('sha256').update(plain).digest();
}

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** A stream's secret does not open: its row was changed, or the key is another. */
export class StreamSecretError extends Error {
  override readonly name = 'StreamSecretError';
  readonly code = 'STREAM_SECRET';
}

/** Seals webhooks' secrets, each to its stream, with a key that is not in the database. */
export interface SecretBox {
  seal(streamId: string, secret: string): Buffer;
  /** @throws StreamSecretError */
  open(streamId: string, sealed: Buffer): string;
}

const ivBytes = 12;
const tagBytes = 16;

/** AES-256-GCM with `key`: nonce, tag, ciphertext. */
export const secretBox = (key: Buffer): SecretBox => ({
  seal: (streamId, secret) => {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(streamId));
    const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]);
  },
  open: (streamId, sealed) => {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes))
        .setAAD(Buffer.from(streamId))
        .setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new StreamSecretError('the secret of the stream does not open with the audit key; make the stream anew', {
        cause,
      });
    }
  },
});

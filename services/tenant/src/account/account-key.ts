import { createDecipheriv, hkdfSync } from 'node:crypto';

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

/** The key that sealed the seeds of authenticator apps before data keys did. It only opens. */
export class AccountKey {
  readonly #seeds: Buffer;

  /** @throws TypeError unless `hex` is 32 bytes */
  constructor(hex: string) {
    if (!/^[0-9a-f]{64}$/i.test(hex)) throw new TypeError('the account key must be 32 bytes in hex');
    this.#seeds = Buffer.from(hkdfSync('sha256', Buffer.from(hex, 'hex'), '', 'truffle/account/seeds', 32));
  }

  /** @throws Error when it was sealed with another key, for another context, or was changed */
  open(sealed: Buffer, context: string): Buffer {
    if (sealed[0] !== version) throw new TypeError(`a sealed seed has the unknown version ${sealed[0]}`);
    const nonce = sealed.subarray(1, 1 + nonceBytes);
    const cipher = createDecipheriv('aes-256-gcm', this.#seeds, nonce, { authTagLength: tagBytes }).setAAD(
      Buffer.from(context),
    );
    cipher.setAuthTag(sealed.subarray(-tagBytes));
    return Buffer.concat([cipher.update(sealed.subarray(1 + nonceBytes, -tagBytes)), cipher.final()]);
  }
}

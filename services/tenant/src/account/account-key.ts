import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * The key of what people's accounts keep secret: it makes the tokens of links, so that none has to be stored, and seals the seeds of
 * authenticator apps. It is in a file and never in the database: a dump opens nothing.
 */
export class AccountKey {
  readonly #links: Buffer;
  readonly #seeds: Buffer;
  readonly #flows: Buffer;

  /** @throws TypeError unless `hex` is 32 bytes */
  constructor(hex: string) {
    if (!/^[0-9a-f]{64}$/i.test(hex)) throw new TypeError('the account key must be 32 bytes in hex');
    const derived = (purpose: string) =>
      Buffer.from(hkdfSync('sha256', Buffer.from(hex, 'hex'), '', `truffle/account/${purpose}`, 32));
    this.#links = derived('links');
    this.#seeds = derived('seeds');
    this.#flows = derived('flows');
  }

  /** 32 bytes that nobody without the key can guess; the same for the same mail, so that sending again sends the same link. */
  linkBytes(mailId: string): Buffer {
    return createHmac('sha256', this.#links).update(mailId).digest();
  }

  /** What a sign-in by a provider keeps from everybody else, made of its state: 43 characters. */
  flowText(purpose: 'nonce' | 'verifier', state: string): string {
    return createHmac('sha256', this.#flows).update(`${purpose}\0${state}`).digest('base64url');
  }

  /** AES-256-GCM, bound to `context`: what was sealed for one row does not open in another. */
  seal(bytes: Buffer, context: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#seeds, nonce).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
    return Buffer.concat([Buffer.of(version), nonce, sealed, cipher.getAuthTag()]);
  }

  /** @throws Error when it was sealed with another key, for another context, or was changed */
  open(sealed: Buffer, context: string): Buffer {
    if (sealed[0] !== version) throw new TypeError(`a sealed seed has the unknown version ${sealed[0]}`);
    const nonce = sealed.subarray(1, 1 + nonceBytes);
    const cipher = createDecipheriv('aes-256-gcm', this.#seeds, nonce).setAAD(Buffer.from(context));
    cipher.setAuthTag(sealed.subarray(-tagBytes));
    return Buffer.concat([cipher.update(sealed.subarray(1 + nonceBytes, -tagBytes)), cipher.final()]);
  }
}

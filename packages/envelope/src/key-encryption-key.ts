import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A key that wraps data keys. Where it is kept, and whether it ever leaves there, is the provider's own. */
export interface KeyEncryptionKey {
  /** Lies beside what it wrapped. */
  readonly id: string;
  /** @param context what the data key is for; it must be the same to unwrap */
  wrap(key: Buffer, context: string): Promise<Buffer>;
  /** @throws EnvelopeError when it is not what this key wrapped for `context` */
  unwrap(wrapped: Buffer, context: string): Promise<Buffer>;
}

/** Where key-encryption keys are kept. */
export interface KeyEncryptionKeys {
  /** The one to wrap with. */
  newest(): Promise<KeyEncryptionKey>;
  /** @throws EnvelopeError when it is not there (any more) */
  byId(id: string): Promise<KeyEncryptionKey>;
}

/** A value does not open, or a key is missing. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

const name = /^kek-(\d{4,})\.key$/;
const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM: nonce, ciphertext, tag. Nonces are random: a key is used for far fewer than 2^32 values (NIST SP 800-38D, 8.3). */
export function encrypt(key: Buffer, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws EnvelopeError when key, context or bytes are not those of `encrypt` */
export function decrypt(key: Buffer, sealed: Buffer, context: string): Buffer {
  if (sealed.length < nonceBytes + tagBytes) throw new EnvelopeError('the sealed value is cut off');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()]);
  } catch (error) {
    throw new EnvelopeError('the sealed value is not of this key and place', { cause: error });
  }
}

/**
 * Keys in a folder that only this process's user can read: `kek-0001.key` and so on, the highest number is the newest. Read anew each time,
 * so that a rotation needs no restart.
 */
export function fileKeys(folder: string): KeyEncryptionKeys {
  const read = (id: string): KeyEncryptionKey => {
    const key = Buffer.from(readText(join(folder, `${id}.key`), id).trim(), 'base64');
    if (key.length !== 32)
      throw new EnvelopeError(`the key-encryption key ${id} is damaged: it must be 32 bytes in base64`);
    return {
      id,
      wrap: async (plain, context) => encrypt(key, plain, context),
      unwrap: async (wrapped, context) => decrypt(key, wrapped, context),
    };
  };
  return {
    newest: async () => read(newestId(folder) ?? missing(folder)),
    byId: async (id) => read(name.test(`${id}.key`) ? id : missing(folder)),
  };
}

/** Makes the next key of `folder` (which is made too), the first if there is none. @returns its id */
export function addFileKey(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const number = Number(newestId(folder)?.slice('kek-'.length) ?? 0) + 1;
  const id = `kek-${String(number).padStart(4, '0')}`;
  const draft = join(folder, `.${id}.${process.pid}`);
  writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(draft, join(folder, `${id}.key`));
  return id;
}

/** The newest key's id; undefined while there is none. */
export function newestId(folder: string): string | undefined {
  const numbers = namesIn(folder).flatMap((file) => name.exec(file)?.[1] ?? []);
  const highest = numbers.toSorted((a, b) => Number(a) - Number(b)).at(-1);
  return highest === undefined ? undefined : `kek-${highest}`;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readText(path: string, id: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EnvelopeError(`the key-encryption key ${id} can not be read; is its file where TRUFFLE_KEK_DIR says?`, {
      cause: error,
    });
  }
}

function missing(folder: string): never {
  throw new EnvelopeError(`there is no such key-encryption key in ${folder}`);
}

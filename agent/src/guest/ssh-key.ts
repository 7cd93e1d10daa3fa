import { generateKeyPairSync, randomBytes } from 'node:crypto';

const magic = 'openssh-key-v1\0';
const kind = 'ssh-ed25519';

/**
 * A new Ed25519 key in OpenSSH's own private form (openssh-portable, PROTOCOL.key), without a passphrase. Made here as ssh2 1.17 now and
 * then makes one that it cannot read itself, and so that an agent at rest need not hold SSH.
 */
export function makeSshKey(comment: string): string {
  const { d: seed = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const [secret, open] = [Buffer.from(seed, 'base64url'), Buffer.from(x, 'base64url')];
  const check = randomBytes(4);
  const inner = [check, check, field(kind), field(open), field(Buffer.concat([secret, open])), field(comment)];
  const length = inner.reduce((sum, part) => sum + part.length, 0);
  const padding = Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, at) => at + 1));
  const bytes = Buffer.concat([
    Buffer.from(magic, 'latin1'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(Buffer.concat([field(kind), field(open)])),
    field(Buffer.concat([...inner, padding])),
  ]);
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

/** `type base64`, as `authorized_keys` has it, of a private key in OpenSSH's form; undefined when it is none or needs a passphrase. */
export function publicHalf(privateKey: string): string | undefined {
  const body = /^-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*$/.exec(
    privateKey,
  );
  const bytes = Buffer.from(body?.[1] ?? '', 'base64');
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic) return undefined;
  const [cipher, afterCipher] = readField(bytes, magic.length);
  const [, afterKdf] = readField(bytes, afterCipher);
  const [, afterOptions] = readField(bytes, afterKdf);
  // One key, then its public half: outside of what a passphrase would encrypt.
  const [open, end] = readField(bytes, afterOptions + 4);
  const [type] = readField(open, 0);
  if (cipher.toString() !== 'none' || type.length === 0 || end >= bytes.length) return undefined;
  return `${type.toString()} ${open.toString('base64')}`;
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The field at `at` and where the next one begins; empty, at the end, when it is not there whole. */
function readField(bytes: Buffer, at: number): readonly [Buffer, number] {
  const end = at + 4 <= bytes.length ? at + 4 + bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
  return end <= bytes.length ? [bytes.subarray(at + 4, end), end] : [Buffer.alloc(0), bytes.length];
}

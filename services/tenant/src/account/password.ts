import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Code } from '@connectrpc/connect';
import { Problem } from '@truffle/kit';

/** argon2id with 19 MiB, 2 passes and 1 lane: the OWASP Password Storage Cheat Sheet's minimum. */
const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
const saltBytes = 16;
/** Hashes that run or wait at most: each holds 19 MiB and a thread of the pool for tens of milliseconds. */
const mostAtOnce = 32;

const derive = promisify(argon2);
const shape = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
let atWork = 0;

/** The service has as many passwords to hash as it can bear. */
export class PasswordsBusyProblem extends Problem {
  override readonly name = 'PasswordsBusyProblem';
  constructor() {
    super(Code.ResourceExhausted, 'SIGN_IN_BUSY', 'too many people are signing in just now; try again in a moment');
  }
}

/** Hashes off the event loop. Returns a PHC string, which carries its own parameters. @throws PasswordsBusyProblem */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const tag = await bounded(() => derive('argon2id', { ...cost, message: prepared(password), nonce: salt }));
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Whether `password` is the one that `hash` was made of. Without a hash it does the same work and answers false. @throws PasswordsBusyProblem */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [, memory, passes, parallelism, salt = '', tag = ''] = shape.exec(hash ?? (await someHash())) ?? [];
  if (memory === undefined) throw new TypeError('a stored password hash is not in the PHC format');
  const expected = Buffer.from(tag, 'base64');
  const got = await bounded(() =>
    derive('argon2id', {
      message: prepared(password),
      nonce: Buffer.from(salt, 'base64'),
      memory: Number(memory),
      passes: Number(passes),
      parallelism: Number(parallelism),
      tagLength: expected.length,
    }),
  );
  return timingSafeEqual(got, expected) && hash !== undefined;
}

/** Stands for the hash of an unknown account, so that its refusal takes as long as a wrong password's. */
let placeholder: Promise<string> | undefined;
const someHash = (): Promise<string> => (placeholder ??= hashPassword(randomBytes(16).toString('hex')));

/** Two ways to type the same character are the same password (NIST SP 800-63B, 3.1.1.2). */
const prepared = (password: string): Buffer => Buffer.from(password.normalize('NFKC'));

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

async function bounded<R>(work: () => Promise<R>): Promise<R> {
  if (atWork >= mostAtOnce) throw new PasswordsBusyProblem();
  atWork++;
  try {
    return await work();
  } finally {
    atWork--;
  }
}

import { createPrivateKey, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyId, signCommand, signCommandKeys, type CommandKeys, type CommandTerms } from '@truffle/sealing';

/** The folder of the keys that commands are signed with can't be used. */
export class CommandKeyError extends Error {
  override readonly name = 'CommandKeyError';
  readonly code = 'COMMAND_KEYS_INVALID';
}

const fileName = /^([1-9]\d{0,5})\.pem$/;

/**
 * The keys that commands are signed with: Ed25519, one file each, `1.pem`, `2.pem`, … The lowest number signs; higher ones are announced to
 * agents and sign when the lower ones are removed. So a rotation is: add the next number, restart, wait until every agent has had a session,
 * remove the lowest, restart.
 */
export class CommandSigner {
  /** What agents are to pin. */
  readonly published: CommandKeys;
  readonly #key: KeyObject;
  readonly #keyId: string;

  private constructor(keys: readonly [KeyObject, ...KeyObject[]], version: number) {
    this.published = signCommandKeys(keys, version);
    this.#key = keys[0];
    this.#keyId = keyId(this.published.keys[0] ?? new Uint8Array());
  }

  /**
   * Opens the keys in `folder`, or makes the first one there (0600); of several processes that start at once, the first one's stays.
   * @throws CommandKeyError when a file is no such key or a number is left out
   */
  static open(folder: string): CommandSigner {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (numbersIn(folder).length === 0) makeFirst(folder);
    const numbers = numbersIn(folder);
    const [first = 0, last = 0] = [numbers[0], numbers.at(-1)];
    if (last - first + 1 !== numbers.length)
      throw new CommandKeyError(`${folder} leaves out a number between ${first}.pem and ${last}.pem`);
    const [key, ...more] = numbers.map((number) => readKey(join(folder, `${number}.pem`)));
    if (key === undefined) throw new CommandKeyError(`${folder} holds no key`);
    // Rises whenever a key is added at the end or taken away at the beginning.
    return new CommandSigner([key, ...more], first + last - 1);
  }

  sign(terms: CommandTerms): { readonly signature: Buffer; readonly keyId: string } {
    return { signature: signCommand(this.#key, terms), keyId: this.#keyId };
  }
}

function numbersIn(folder: string): readonly number[] {
  return readdirSync(folder)
    .flatMap((name) => fileName.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Written under a name of its own and then linked: the name that counts appears with the whole key behind it, once. */
function makeFirst(folder: string): void {
  const draft = join(folder, `.${randomUUID()}.new`);
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(draft, join(folder, '1.pem'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readKey(path: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch {
    // The cause is left out: it may quote the file.
  }
  if (key?.asymmetricKeyType !== 'ed25519') throw new CommandKeyError(`${path} is no private Ed25519 key in PEM`);
  return key;
}

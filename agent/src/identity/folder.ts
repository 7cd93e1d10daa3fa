import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Names of the files that make up an identity, all in `<data folder>/identity`. */
export const identityFiles = {
  mtlsKey: 'mtls.key.pem',
  identityKey: 'identity.key.pem',
  sealingKey: 'sealing.key',
  request: 'request.der',
  certificate: 'certificate.pem',
  authorities: 'authorities.pem',
  commandKeys: 'command-keys.json',
  agent: 'agent.json',
} as const;

/** The folder that holds an identity: only its owner may read it. */
export class IdentityFolder {
  readonly #path: string;

  constructor(dataFolder: string) {
    this.#path = join(dataFolder, 'identity');
  }

  /** The file's content; undefined when there is none. */
  read(name: string): Buffer | undefined {
    const path = join(this.#path, name);
    return existsSync(path) ? readFileSync(path) : undefined;
  }

  /** Writes a file whole or not at all (0600): under another name, to the disk, then renamed. */
  write(name: string, content: string | Uint8Array): void {
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    const path = join(this.#path, name);
    const draft = `${path}.new`;
    rmSync(draft, { force: true });
    const file = openSync(draft, 'wx', 0o600);
    try {
      writeSync(file, typeof content === 'string' ? Buffer.from(content) : content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
    const folder = openSync(this.#path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  remove(name: string): void {
    rmSync(join(this.#path, name), { force: true });
  }

  removeAll(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

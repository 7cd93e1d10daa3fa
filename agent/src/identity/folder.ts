import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../durable.ts';

/** Names of the files that make up an identity beside its key pairs, all in `<data folder>/identity`. */
export const identityFiles = {
  identityKey: 'identity.key.pem',
  sealingKey: 'sealing.key',
  rotationRequest: 'sealing.rotate',
  commandKeys: 'command-keys.json',
  agent: 'agent.json',
  quarantine: 'quarantine.json',
  keyLog: 'key-log.json',
  renewalFailing: 'renewal.failing',
} as const;

/** The files of one mTLS key with its certificate. Each renewal makes the next pair; `agent.json` says which one counts. */
export interface PairFiles {
  readonly key: string;
  readonly request: string;
  readonly certificate: string;
  /** What the gateway's certificate must come from while this pair counts. */
  readonly authorities: string;
}

/** Pair 0 is the one that an agent enrolled with. */
export function pairFiles(pair: number): PairFiles {
  const no = pair === 0 ? '' : `.${pair}`;
  return {
    key: `mtls${no}.key.pem`,
    request: `request${no}.der`,
    certificate: `certificate${no}.pem`,
    authorities: `authorities${no}.pem`,
  };
}

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

  /** Writes a file whole or not at all (0600), and returns when it is on disk. */
  write(name: string, content: string | Uint8Array): void {
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    writeDurably(join(this.#path, name), content, 0o600);
  }

  remove(name: string): void {
    rmSync(join(this.#path, name), { force: true });
  }

  removePair(pair: number): void {
    for (const name of Object.values(pairFiles(pair))) this.remove(name);
  }

  removeAll(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

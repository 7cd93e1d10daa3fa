import { createPrivateKey, sign } from 'node:crypto';
import { isSigned, keyLogBytes, keyLogHash, type KeyLogEntry } from '@truffle/sealing';
import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import { IdentityFolder, identityFiles } from './folder.ts';
import type { Identity } from './identity.ts';
import { rawPublicKey } from './keys.ts';

/** What the agent knows of its own entry in the log of sealing keys. */
export interface OwnEntry {
  readonly n: number;
  /** `keyLogHash` of it. */
  readonly hash: string;
  /** Someone publishes, or published, another key as this agent's: since when, and what. */
  readonly substituted?: { readonly since: string; readonly what: string };
}

/** An entry as it goes over the wire. */
type Entry = {
  readonly [K in keyof KeyLogEntry]: KeyLogEntry[K] extends Uint8Array ? Uint8Array<ArrayBuffer> : KeyLogEntry[K];
};

export interface KeyLogDeps {
  readonly dataFolder: string;
  readonly identity: Pick<Identity, 'agentId' | 'sealing'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** What is published; after `entry` was added, where it is given. */
  readonly sync: (
    entry: Entry | undefined,
  ) => Promise<{ readonly newest?: KeyLogEntry | undefined; readonly publishedKey: Uint8Array }>;
}

/** The entry that the data folder remembers; undefined before there was one. */
export function readOwnEntry(dataFolder: string): OwnEntry | undefined {
  const file = new IdentityFolder(dataFolder).read(identityFiles.keyLog);
  return file === undefined ? undefined : (JSON.parse(file.toString()) as OwnEntry);
}

const spreadMs = 300_000;

/**
 * Watches what the control plane publishes as this agent's sealing key, at each session: the key itself, and the newest entry of the log.
 * The first time it adds its entry. Whatever is not its own is an attack or a restored database: it is logged and shown until a reset.
 */
export class KeyLogWatch {
  readonly #deps: KeyLogDeps;
  #busy: Promise<void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(deps: KeyLogDeps) {
    this.#deps = deps;
  }

  /** A session is open: looks at once when there is no own entry yet, else within minutes, so that agents that come back together don't look together. */
  welcomed(): void {
    if (this.#busy !== undefined || this.#cancel !== undefined) return;
    if (readOwnEntry(this.#deps.dataFolder) === undefined) return this.#begin();
    this.#cancel = this.#deps.clock.after(this.#deps.random() * spreadMs, () => this.#begin());
  }

  /** Begins nothing more; resolves when no look is going on. */
  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#busy;
  }

  #begin(): void {
    this.#cancel = undefined;
    this.#busy = this.#look()
      .catch((error: unknown) =>
        this.#deps.log.warn({ err: error }, 'the log of sealing keys could not be read; the next session looks again'),
      )
      .finally(() => (this.#busy = undefined));
  }

  async #look(): Promise<void> {
    const { identity, dataFolder, sync } = this.#deps;
    const key = new IdentityFolder(dataFolder).read(identityFiles.identityKey)?.toString();
    // Enrolled by hand, as tests do: there is nothing to sign with.
    if (key === undefined) return;
    const known = readOwnEntry(dataFolder);
    const seen = await sync(undefined);
    if (!same(seen.publishedKey, identity.sealing.publicKey))
      return this.#substituted(known, 'another key is published');
    if (known !== undefined) {
      if (seen.newest === undefined || keyLogHash(identity.agentId, seen.newest) !== known.hash)
        this.#substituted(known, 'the newest entry of the log is not the own one');
      return;
    }
    const identityKey = rawPublicKey(key);
    // Its answer was lost: nobody else could have signed it.
    if (seen.newest !== undefined && this.#isOwn(seen.newest, identityKey)) return this.#remember(seen.newest);
    const entry = this.#next(seen.newest, key, identityKey);
    const { newest } = await sync(entry);
    if (newest === undefined || !this.#isOwn(newest, identityKey))
      return this.#substituted(known, 'the own entry was not added to the log');
    this.#remember(newest);
  }

  #isOwn(entry: KeyLogEntry, identityKey: Uint8Array): boolean {
    const { agentId, sealing } = this.#deps.identity;
    return (
      same(entry.publicKey, sealing.publicKey) && same(entry.identityPublicKey, identityKey) && isSigned(agentId, entry)
    );
  }

  #next(newest: KeyLogEntry | undefined, keyPem: string, identityPublicKey: Uint8Array<ArrayBuffer>): Entry {
    const { agentId, sealing } = this.#deps.identity;
    const unsigned = {
      n: (newest?.n ?? 0n) + 1n,
      publicKey: new Uint8Array(sealing.publicKey),
      identityPublicKey,
      previousSha256: new Uint8Array(newest === undefined ? [] : Buffer.from(keyLogHash(agentId, newest), 'hex')),
    };
    const signature = sign(null, keyLogBytes(agentId, unsigned), createPrivateKey(keyPem));
    return { ...unsigned, signature: new Uint8Array(signature) };
  }

  #remember(entry: KeyLogEntry): void {
    this.#write({ n: Number(entry.n), hash: keyLogHash(this.#deps.identity.agentId, entry) });
  }

  #substituted(known: OwnEntry | undefined, what: string): void {
    const { clock, log } = this.#deps;
    log.error(
      { reason: 'KEY_SUBSTITUTED', what },
      'secrets for this agent may be sealed to a key that is not its own: compare `truffle-agent status` with `truffle agent get`, and seal nothing meanwhile',
    );
    if (known?.substituted !== undefined) return;
    this.#write({
      ...(known ?? { n: 0, hash: '' }),
      substituted: { since: new Date(clock.wall()).toISOString(), what },
    });
  }

  #write(own: OwnEntry): void {
    new IdentityFolder(this.#deps.dataFolder).write(identityFiles.keyLog, `${JSON.stringify(own, null, 2)}\n`);
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);

import type { CommandKeySet } from '@truffle/api/agent/v1/command';
import { keyId, mayReplaceKeys, type CommandKeys } from '@truffle/sealing';
import type { Dialer } from '../link/stream.ts';
import { IdentityFolder, identityFiles } from './folder.ts';

/** Bytes of an Ed25519 public key. */
const keyBytes = 32;

interface PinFile {
  readonly version: number;
  /** Base64. */
  readonly keys: readonly string[];
}

/** The keys of commands that this agent believes; on disk beside its identity. */
export class PinnedKeys {
  readonly #folder: IdentityFolder;
  #version: number;
  #keys: ReadonlyMap<string, Uint8Array>;

  constructor(dataFolder: string) {
    this.#folder = new IdentityFolder(dataFolder);
    const file = this.#folder.read(identityFiles.commandKeys);
    const pinned = file === undefined ? { version: 0, keys: [] } : (JSON.parse(file.toString()) as PinFile);
    this.#version = pinned.version;
    this.#keys = byId(pinned.keys.map((key) => new Uint8Array(Buffer.from(key, 'base64'))));
  }

  /** Ids of the pinned keys; none before the first set came. */
  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** The public key of that id; undefined when it is not pinned. */
  key(id: string): Uint8Array | undefined {
    return this.#keys.get(id);
  }

  /**
   * Pins the first set that comes (enrolment brings it), and after that only one that a pinned key signed and that is newer.
   * On disk when it returns.
   * @returns `pinned` when it is in force now, `known` when it says nothing new, `refused` when nobody vouches for it
   */
  offer(set: CommandKeySet): 'pinned' | 'known' | 'refused' {
    const offered: CommandKeys = {
      version: Number(set.version),
      keys: set.keys.map((each) => each.publicKey),
      signatures: set.signatures,
    };
    if (offered.keys.length === 0 || offered.keys.some((key) => key.length !== keyBytes)) return 'refused';
    if (this.#keys.size > 0) {
      if (offered.version === this.#version && offered.keys.every((key) => this.#keys.has(keyId(key)))) return 'known';
      if (!mayReplaceKeys({ version: this.#version, keys: [...this.#keys.values()] }, offered)) return 'refused';
    }
    const file: PinFile = {
      version: offered.version,
      keys: offered.keys.map((key) => Buffer.from(key).toString('base64')),
    };
    this.#folder.write(identityFiles.commandKeys, `${JSON.stringify(file)}\n`);
    this.#version = offered.version;
    this.#keys = byId(offered.keys);
    return 'pinned';
  }
}

const byId = (keys: readonly Uint8Array[]): ReadonlyMap<string, Uint8Array> =>
  new Map(keys.map((key) => [keyId(key), key]));

/** A dialer whose every Welcome is first looked through for keys: they are pinned before any command of that session comes. */
export const pinning = (
  dialer: Dialer,
  pins: PinnedKeys,
  tell: (became: ReturnType<PinnedKeys['offer']>) => void,
): Dialer => ({
  dial: (endpoint, events) =>
    dialer.dial(endpoint, {
      ...events,
      received: (message) => {
        if (message.frame.case === 'welcome' && message.frame.value.commandKeys !== undefined)
          tell(pins.offer(message.frame.value.commandKeys));
        events.received(message);
      },
    }),
});

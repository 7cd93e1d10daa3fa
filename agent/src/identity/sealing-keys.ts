import { generateSealingKey, keyId } from '@truffle/sealing';
import { IdentityFolder, identityFiles } from './folder.ts';

/** A key pair that secrets for the agent are sealed to. */
export interface OwnKey {
  readonly keyId: string;
  /** X25519, 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** X25519, 32 bytes; private. */
  readonly privateKey: Uint8Array<ArrayBuffer>;
}

/** A key that was given up. */
interface FormerKey extends OwnKey {
  /** By this machine's clock, in milliseconds since 1970. */
  readonly givenUpAt: number;
}

interface Keys {
  readonly current: OwnKey;
  /** Since when it is in use, by this machine's clock; undefined for keys from before it was kept. */
  readonly since: number | undefined;
  /** Made, and perhaps published already; not known to be. */
  readonly next: OwnKey | undefined;
  readonly former: readonly FormerKey[];
}

/** How long a key is kept after it was given up: what clients seal is good for 30 days, and their clocks may be wrong. */
export const keptMs = 35 * 86_400_000;

/**
 * The agent's sealing keys, in one file that is written whole, so that no crash leaves half a rotation: the current one in the first line,
 * which is all that programs from before rotation read of it, then the next one and the former ones.
 */
export class SealingKeys {
  readonly #folder: IdentityFolder;
  #keys: Keys;

  /** @throws TypeError when the folder holds no sealing key */
  constructor(dataFolder: string) {
    this.#folder = new IdentityFolder(dataFolder);
    const text = this.#folder.read(identityFiles.sealingKey)?.toString();
    if (text === undefined) throw new TypeError(`${identityFiles.sealingKey} is missing`);
    this.#keys = parse(text);
  }

  /** The key that is published, as far as the agent knows. */
  get current(): OwnKey {
    return this.#keys.current;
  }

  get since(): number | undefined {
    return this.#keys.since;
  }

  get next(): OwnKey | undefined {
    return this.#keys.next;
  }

  /** Keys that were given up and are kept for what was sealed before. */
  get former(): readonly Pick<FormerKey, 'keyId' | 'givenUpAt'>[] {
    return this.#keys.former;
  }

  /** Private keys by key id: all that a value may be sealed to. */
  get privateKeys(): Readonly<Record<string, Uint8Array>> {
    const { current, next, former } = this.#keys;
    return Object.fromEntries(
      [...former, ...(next === undefined ? [] : [next]), current].map((k) => [k.keyId, k.privateKey]),
    );
  }

  /** Notes since when the current key is in use, where nobody did. */
  date(now: number): void {
    if (this.#keys.since === undefined) this.#write({ ...this.#keys, since: now });
  }

  /** The key that takes the current one's place: made and on disk when it resolves, the same until it is adopted. */
  async prepare(): Promise<OwnKey> {
    if (this.#keys.next !== undefined) return this.#keys.next;
    const { publicKey, privateKey } = await generateSealingKey();
    const next = { keyId: keyId(publicKey), publicKey, privateKey };
    this.#write({ ...this.#keys, next });
    return next;
  }

  /** The next key is published: from now on it is the current one. */
  adopt(now: number): void {
    const { current, next, former } = this.#keys;
    if (next === undefined) return;
    this.#write({ current: next, since: now, next: undefined, former: [...former, { ...current, givenUpAt: now }] });
  }

  /** Destroys what was given up so long ago that nothing sealed to it can still come; answers which. */
  destroyOld(now: number): readonly string[] {
    const over = this.#keys.former.filter((key) => now - key.givenUpAt > keptMs);
    if (over.length > 0) this.#write({ ...this.#keys, former: this.#keys.former.filter((key) => !over.includes(key)) });
    return over.map((key) => key.keyId);
  }

  #write(keys: Keys): void {
    const { current, since, next, former } = keys;
    const lines = [
      `${hexOf(current)}${since === undefined ? '' : ` ${since}`}`,
      ...(next === undefined ? [] : [`next ${hexOf(next)}`]),
      ...former.map((key) => `former ${hexOf(key)} ${key.givenUpAt}`),
    ];
    this.#folder.write(identityFiles.sealingKey, `${lines.join('\n')}\n`);
    this.#keys = keys;
  }
}

const hexOf = ({ privateKey, publicKey }: OwnKey): string => Buffer.concat([privateKey, publicKey]).toString('hex');

function keyOf(hex = ''): OwnKey {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length !== 64) throw new TypeError(`${identityFiles.sealingKey} is damaged`);
  const publicKey = new Uint8Array(bytes.subarray(32));
  return { keyId: keyId(publicKey), publicKey, privateKey: new Uint8Array(bytes.subarray(0, 32)) };
}

function parse(text: string): Keys {
  const [first = [], ...rest] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));
  const next = rest.find(([kind]) => kind === 'next');
  return {
    current: keyOf(first[0]),
    since: first[1] === undefined ? undefined : Number(first[1]),
    next: next === undefined ? undefined : keyOf(next[1]),
    former: rest.filter(([kind]) => kind === 'former').map(([, hex, at]) => ({ ...keyOf(hex), givenUpAt: Number(at) })),
  };
}

import { createPrivateKey, sign } from 'node:crypto';
import { isSigned, keyLogBytes, keyLogHash, type KeyLogEntry } from '@truffle/sealing';
import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import { IdentityFolder, identityFiles } from './folder.ts';
import { CertificateRefused } from './keeper.ts';
import { rawPublicKey } from './keys.ts';
import { isRequested, rotationDue, withdraw } from './rotation.ts';
import { retryMs } from './schedule.ts';
import type { OwnKey, SealingKeys } from './sealing-keys.ts';

/** What the agent knows of its own entry in the log of sealing keys. */
export interface OwnEntry {
  /** 0 while it has none. */
  readonly n: number;
  /** `keyLogHash` of it. */
  readonly hash: string;
  /** Someone publishes, or published, another key as this agent's: since when, what, and until when, if it is over. */
  readonly substituted?: { readonly since: string; readonly what: string; readonly until?: string };
}

/** An entry as it goes over the wire. */
type Entry = {
  readonly [K in keyof KeyLogEntry]: KeyLogEntry[K] extends Uint8Array ? Uint8Array<ArrayBuffer> : KeyLogEntry[K];
};

/** What is published, as the gateway says. */
interface Seen {
  readonly newest?: KeyLogEntry | undefined;
  readonly publishedKey: Uint8Array;
  /** The agent is in quarantine for what it said. */
  readonly quarantined: boolean;
}

export interface KeyLogDeps {
  readonly dataFolder: string;
  readonly agentId: string;
  readonly keys: SealingKeys;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** What is published; after `entry` was added, where it is given, or after the gateway was told of a substitution. */
  readonly sync: (word: { readonly entry?: Entry; readonly substituted?: string }) => Promise<Seen>;
  /** The gateway has put this agent in quarantine for its word. */
  readonly quarantined: (why: { readonly reason: string; readonly message: string }) => void;
}

/** The entry that the data folder remembers; undefined before there was one. */
export function readOwnEntry(dataFolder: string): OwnEntry | undefined {
  const file = new IdentityFolder(dataFolder).read(identityFiles.keyLog);
  return file === undefined ? undefined : (JSON.parse(file.toString()) as OwnEntry);
}

const spreadMs = 300_000;
/** Between two looks for a person's request and at the keys' age. */
const pollMs = 5_000;

/**
 * Watches what the control plane publishes as this agent's sealing key, at each session: the key itself, and the newest entry of the log.
 * The first time it adds its entry; on demand and by age it adds one of a new key. Whatever is not its own is an attack or a restored
 * database: the gateway is told, and it is shown until a reset.
 */
export class KeyLogWatch {
  readonly #deps: KeyLogDeps;
  readonly #jitter: number;
  #busy: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #cancelPoll: (() => void) | undefined;
  #stopped = false;
  #failures = 0;
  /** No rotation is tried before, by the monotonic clock. */
  #notBefore = 0;

  constructor(deps: KeyLogDeps) {
    this.#deps = deps;
    this.#jitter = deps.random();
    deps.keys.date(deps.clock.wall());
  }

  /** A session is open: looks at once when something is to be settled, else within minutes, so that agents that come back together don't look together. */
  welcomed(): void {
    this.#cancelPoll ??= this.#deps.clock.after(pollMs, () => this.#poll());
    if (this.#busy !== undefined || this.#cancel !== undefined) return;
    const own = readOwnEntry(this.#deps.dataFolder);
    const unsettled = own === undefined || (own.substituted !== undefined && own.substituted.until === undefined);
    if (unsettled || this.#deps.keys.next !== undefined) return this.#begin();
    this.#cancel = this.#deps.clock.after(this.#deps.random() * spreadMs, () => this.#begin());
  }

  /** Begins nothing more; resolves when no look is going on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancelPoll?.();
    await this.#busy;
  }

  #poll(): void {
    const { clock, keys, log } = this.#deps;
    if (this.#stopped) return;
    for (const keyId of keys.destroyOld(clock.wall())) log.info({ keyId }, 'a former sealing key was destroyed');
    if (this.#busy === undefined && clock.now() >= this.#notBefore && this.#wantsRotation()) this.#begin();
    this.#cancelPoll = clock.after(pollMs, () => this.#poll());
  }

  #wantsRotation(): boolean {
    const { dataFolder, keys, clock } = this.#deps;
    return (
      keys.next !== undefined ||
      isRequested(dataFolder, keys.current.keyId) ||
      rotationDue(keys.since, clock.wall(), this.#jitter)
    );
  }

  #begin(): void {
    const { clock, random, log } = this.#deps;
    this.#cancel = undefined;
    if (this.#busy !== undefined) return;
    this.#busy = this.#look()
      .then(() => void (this.#failures = 0))
      .catch((error: unknown) => {
        const wait = retryMs(this.#failures++, error instanceof CertificateRefused, random);
        this.#notBefore = clock.now() + wait;
        log.warn({ err: error }, 'the log of sealing keys could not be brought up to date; it is tried again');
      })
      .finally(() => (this.#busy = undefined));
  }

  async #look(): Promise<void> {
    const { keys, dataFolder, sync } = this.#deps;
    const key = new IdentityFolder(dataFolder).read(identityFiles.identityKey)?.toString();
    // Enrolled by hand, as tests do: there is nothing to sign with.
    if (key === undefined) return;
    const identityKey = rawPublicKey(key);
    const seen = await sync({});
    if (keys.next !== undefined && this.#isOwn(seen, keys.next, identityKey)) return this.#adopt(seen);
    const wrong = this.#wrongWith(seen, identityKey);
    if (wrong !== undefined) return this.#substituted(wrong);
    this.#inOrder();
    const newest = this.#isOwn(seen, keys.current, identityKey) ? seen.newest : undefined;
    if (newest === undefined) return this.#publish(seen.newest, keys.current, key, (answer) => this.#remember(answer));
    this.#remember(newest);
    if (this.#wantsRotation())
      await this.#publish(newest, await keys.prepare(), key, (_entry, answer) => this.#adopt(answer));
  }

  /** What of all that is published is not the agent's own; undefined when nothing is. */
  #wrongWith(seen: Seen, identityKey: Uint8Array): string | undefined {
    const { keys, dataFolder, agentId } = this.#deps;
    if (!same(seen.publishedKey, keys.current.publicKey)) return 'another key is published';
    const known = readOwnEntry(dataFolder);
    if (known === undefined || known.n === 0) return undefined;
    if (seen.newest !== undefined && keyLogHash(agentId, seen.newest) === known.hash) return undefined;
    // Its answer was lost, or the process ended before it noted it: nobody else could have signed it.
    const later = this.#isOwn(seen, keys.current, identityKey) && Number(seen.newest?.n) > known.n;
    return later ? undefined : 'the newest entry of the log is not the own one';
  }

  #isOwn({ newest, publishedKey }: Seen, { publicKey }: OwnKey, identityKey: Uint8Array): boolean {
    return (
      newest !== undefined &&
      same(publishedKey, publicKey) &&
      same(newest.publicKey, publicKey) &&
      same(newest.identityPublicKey, identityKey) &&
      isSigned(this.#deps.agentId, newest)
    );
  }

  async #publish(
    before: KeyLogEntry | undefined,
    publish: OwnKey,
    keyPem: string,
    done: (entry: KeyLogEntry, answer: Seen) => void,
  ): Promise<void> {
    const answer = await this.#deps.sync({ entry: this.#next(before, publish, keyPem) });
    if (answer.newest === undefined || !this.#isOwn(answer, publish, rawPublicKey(keyPem)))
      return this.#substituted('the own entry was not added to the log');
    done(answer.newest, answer);
  }

  #next(newest: KeyLogEntry | undefined, { publicKey }: OwnKey, keyPem: string): Entry {
    const { agentId } = this.#deps;
    const unsigned = {
      n: (newest?.n ?? 0n) + 1n,
      publicKey,
      identityPublicKey: rawPublicKey(keyPem),
      previousSha256: new Uint8Array(newest === undefined ? [] : Buffer.from(keyLogHash(agentId, newest), 'hex')),
    };
    const signature = sign(null, keyLogBytes(agentId, unsigned), createPrivateKey(keyPem));
    return { ...unsigned, signature: new Uint8Array(signature) };
  }

  /** The next key is the published one. */
  #adopt({ newest }: Seen): void {
    const { keys, clock, log, dataFolder } = this.#deps;
    keys.adopt(clock.wall());
    if (newest !== undefined) this.#remember(newest);
    withdraw(dataFolder);
    log.info(
      { keyId: keys.current.keyId },
      'secrets are sealed to a new key from now on; the former one is kept for a while',
    );
  }

  #remember(entry: KeyLogEntry): void {
    const known = readOwnEntry(this.#deps.dataFolder);
    const hash = keyLogHash(this.#deps.agentId, entry);
    if (known?.hash !== hash) this.#write({ ...known, n: Number(entry.n), hash });
  }

  /** What was wrong is right again; that it was is shown until a reset. */
  #inOrder(): void {
    const { dataFolder, clock, log } = this.#deps;
    const own = readOwnEntry(dataFolder);
    if (own?.substituted === undefined || own.substituted.until !== undefined) return;
    log.warn({ since: own.substituted.since }, 'the published sealing key is the own one again');
    this.#write({ ...own, substituted: { ...own.substituted, until: new Date(clock.wall()).toISOString() } });
  }

  async #substituted(what: string): Promise<void> {
    const { clock, log, dataFolder, sync, quarantined } = this.#deps;
    log.error(
      { reason: 'KEY_SUBSTITUTED', what },
      'secrets for this agent may be sealed to a key that is not its own: compare `truffle-agent status` with `truffle agent get`, and seal nothing meanwhile',
    );
    const known = readOwnEntry(dataFolder);
    if (known?.substituted === undefined || known.substituted.until !== undefined)
      this.#write({ n: 0, hash: '', ...known, substituted: { since: new Date(clock.wall()).toISOString(), what } });
    // Each time: a person may have let it out of quarantine though nothing was mended.
    if ((await sync({ substituted: what })).quarantined) quarantined({ reason: 'KEY_SUBSTITUTED', message: what });
  }

  #write(own: OwnEntry): void {
    new IdentityFolder(this.#deps.dataFolder).write(identityFiles.keyLog, `${JSON.stringify(own, null, 2)}\n`);
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);

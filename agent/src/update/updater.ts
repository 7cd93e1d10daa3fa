import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import type { UpdateAllowed } from '../policy/update.ts';
import { isVersion } from '../release/version-order.ts';
import type { Ending, UpdateRecord } from './record.ts';

export interface UpdaterDeps {
  /** Version that runs. */
  readonly version: string;
  /** Whether there is a session; without one nothing is asked. */
  readonly connected: () => boolean;
  /** Tells how the newest update ended, and answers the version to have; empty to stay. */
  readonly ask: (last: Ending | undefined) => Promise<string>;
  /** What root remembers. */
  readonly record: () => UpdateRecord;
  /** Whether root is at one: how that ends is not known yet. */
  readonly underWay: () => boolean;
  /** What the site allows now. */
  readonly allowed: () => UpdateAllowed;
  /** Brings a version, whole and looked at. */
  readonly bring: (version: string, signal: AbortSignal) => Promise<void>;
  /** Whether no command is at work. */
  readonly idle: () => boolean;
  /** Asks root to put in what was brought. */
  readonly askRoot: (version: string) => void;
  /** How often it is asked, in milliseconds; ten minutes unless told. */
  readonly everyMs?: number | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

const usuallyEveryMs = 600_000;
const backoffCapMs = 3_600_000;
/** How often it is looked whether work is over, and for how long. */
const lookMs = 5_000;
const patienceMs = 6 * 3_600_000;

/** Asks now and then which version the agent is to have; brings it, and asks root to put it in when no command is at work. */
export class Updater {
  readonly #deps: UpdaterDeps;
  readonly #over = new AbortController();
  readonly #everyMs: number;
  #failures = 0;
  #disarm: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: UpdaterDeps) {
    this.#deps = deps;
    this.#everyMs = deps.everyMs ?? usuallyEveryMs;
  }

  start(): void {
    // What ended just now is told soon; agents that start together do not ask together.
    this.#arm(this.#deps.random() * (this.#deps.record().last === undefined ? this.#everyMs : lookMs));
  }

  /** Asks no more; resolves when what was under way is over. */
  async stop(): Promise<void> {
    this.#over.abort();
    this.#disarm?.();
    await this.#turn;
  }

  #arm(waitMs: number): void {
    const { clock, random } = this.#deps;
    this.#disarm = clock.after(waitMs, () => {
      this.#turn = this.#look().then(() => {
        if (this.#over.signal.aborted) return;
        const ceiling = Math.min(backoffCapMs, this.#everyMs * 2 ** this.#failures);
        this.#arm(this.#failures === 0 ? this.#everyMs * (0.8 + 0.4 * random()) : random() * ceiling);
      });
    });
  }

  async #look(): Promise<void> {
    const { version, connected, ask, record, allowed, bring, log } = this.#deps;
    if (!connected() || this.#deps.underWay()) return;
    try {
      const { last, bad } = record();
      const wanted = await ask(last);
      if (wanted === '' || wanted === version || !isVersion(wanted)) return this.#settled();
      const known = bad.find((each) => each.version === wanted);
      if (known !== undefined)
        return log.debug({ wanted, reason: known.reason }, 'that version was tried and is not tried again');
      const objection = allowed().objection(wanted);
      if (objection !== undefined)
        return log.info({ wanted, objection }, 'another version is wanted, and the policy is against it');
      log.info({ wanted }, 'another version is wanted: fetching it');
      await bring(wanted, this.#over.signal);
      this.#settled();
      await this.#untilIdle(wanted);
    } catch (error) {
      if (this.#over.signal.aborted) return;
      this.#failures = Math.min(this.#failures + 1, 10);
      log.warn({ err: error }, 'the update did not come');
    }
  }

  #settled(): void {
    this.#failures = 0;
  }

  /** Nothing is cut off for an update: it waits until no command is at work. */
  async #untilIdle(wanted: string): Promise<void> {
    const { clock, idle, askRoot, allowed, log } = this.#deps;
    const deadline = clock.now() + patienceMs;
    while (!this.#over.signal.aborted && clock.now() < deadline) {
      if (this.#deps.underWay()) return;
      if (idle() && allowed().now(clock.wall())) {
        log.info({ wanted }, 'asking for the update to be put in');
        return askRoot(wanted);
      }
      await new Promise<void>((done) => {
        const disarm = clock.after(lookMs, done);
        this.#over.signal.addEventListener('abort', () => (disarm(), done()), { once: true });
      });
    }
  }
}

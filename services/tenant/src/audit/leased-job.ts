import type { Database, LedgerTables } from '@truffle/database';
import type { Logger } from '@truffle/telemetry';
import { renewLease, takeLease, type Turn } from '../event/relay.repo.ts';
import { Wake } from '../event/wake.ts';

export interface LeasedJobParts {
  /** Of a role that may hold leases. */
  readonly database: Pick<Database<LedgerTables>, 'anywhere'>;
  readonly logger: Logger;
  /** Names the job, and this process in its lease. */
  readonly name: string;
  readonly holder: string;
  /** Milliseconds between two rounds. */
  readonly everyMs: number;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  /** One round; true when it wants the next at once. What it does may be done twice: a lease can run out meanwhile. */
  readonly work: (signal: AbortSignal) => Promise<boolean>;
}

const leaseSeconds = 30;
const renewMs = 10_000;
const longestRetryMs = 30_000;

/** Work that one process at a time does, round after round. */
export class LeasedJob {
  readonly #parts: LeasedJobParts;
  readonly #wake = new Wake();
  readonly #stop = new AbortController();
  #turn: Turn | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: LeasedJobParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Has the next round begin now. */
  ring(): void {
    this.#wake.ring();
  }

  /** Ends the round at work and lets the lease go. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.ring();
    await this.#loop;
    const turn = this.#turn;
    if (turn !== undefined)
      await this.#parts.database.anywhere((tx) => renewLease(tx, turn, 0, this.#parts.name)).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      try {
        const more = (await this.#hold()) && (await this.#round());
        failures = 0;
        if (!more) await this.#wake.wait(this.#parts.everyMs * (0.9 + 0.2 * this.#parts.random()));
      } catch (error) {
        this.#parts.logger.warn({ err: error, job: this.#parts.name }, 'the job will try again');
        const longest = Math.min(longestRetryMs, 200 * 2 ** failures++);
        if (!signal.aborted) await this.#wake.wait(longest * this.#parts.random());
      }
    }
  }

  async #hold(): Promise<boolean> {
    const { database, holder, name } = this.#parts;
    const turn = this.#turn;
    if (turn !== undefined && (await database.anywhere((tx) => renewLease(tx, turn, leaseSeconds, name)))) return true;
    this.#turn = await database.anywhere((tx) => takeLease(tx, holder, leaseSeconds, name));
    return this.#turn !== undefined;
  }

  /** Keeps the lease while it works; stops when another has it. */
  async #round(): Promise<boolean> {
    const lost = new AbortController();
    const renew = setInterval(() => {
      this.#hold().then(
        (held) => (held ? undefined : lost.abort()),
        () => lost.abort(),
      );
    }, renewMs);
    try {
      return await this.#parts.work(AbortSignal.any([this.#stop.signal, lost.signal]));
    } finally {
      clearInterval(renew);
    }
  }
}

import { chainHash, chainStart, type AuditRecord } from '@truffle/audit';
import type { Database, LedgerTables } from '@truffle/database';
import { bells, type Bell } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';
import {
  demandLease,
  LeaseLostError,
  readHeads,
  readNumbered,
  readUnnumbered,
  readUnpublished,
  renewLease,
  rewindPublished,
  takeLease,
  writeHeads,
  writeNumbers,
  writePublished,
  type Turn,
} from './relay.repo.ts';
import { EventStream, streamDays } from './relay.stream.ts';
import { Wake } from './wake.ts';

export interface RelayParts {
  /** As `svc_relay`. */
  readonly database: Database<LedgerTables>;
  readonly bell: Bell;
  readonly logger: Logger;
  /** Names this process in the lease. */
  readonly holder: string;
  /** 0 to 1, for the jitter of retries; default Math.random. */
  readonly random?: () => number;
}

const leaseSeconds = 10;
const renewMs = 3_000;
const sweepMs = 1_000;
/** How often the stream is looked for, so that a wiped one is filled again though nothing happens. */
const lookMs = 10_000;
const batch = 500;
/** Organizations that are published side by side; within one, one event after the other, so that their order is the stream's. */
const lanes = 16;
const longestRetryMs = 5_000;

/**
 * Numbers the events of every organization without gaps, chains them, and publishes them to JetStream. One process at a time does it (a
 * lease with a fence); the others stand by. Numbering and publishing are two loops, so that NATS being away holds up nobody's number.
 */
export class Relay {
  readonly #parts: RelayParts;
  readonly #stream: EventStream;
  readonly #numbering = new Wake();
  readonly #publishing = new Wake();
  #turn: Turn | undefined;
  #renewed = 0;
  #looked = 0;
  #closed = false;
  #loops: Promise<unknown> = Promise.resolve();
  #deafen: () => void = () => undefined;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#stream = new EventStream(parts.bell.connection);
  }

  start(): void {
    this.#deafen = this.#parts.bell.listen(bells.events, () => this.#numbering.ring());
    this.#loops = Promise.all([
      this.#loop(this.#numbering, () => this.#numberSome()),
      this.#loop(this.#publishing, () => this.#publishSome()),
    ]);
  }

  /** Ends after the batches at work and lets the lease go, so that a standby takes over at once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#deafen();
    this.#numbering.ring();
    this.#publishing.ring();
    await this.#loops;
    const turn = this.#turn;
    if (turn !== undefined) await this.#parts.database.anywhere((tx) => renewLease(tx, turn, 0));
  }

  /** Runs `work` until it finds nothing to do, then waits for the bell or the sweep; a failure waits longer and longer. */
  async #loop(wake: Wake, work: () => Promise<boolean>): Promise<void> {
    for (let failures = 0; !this.#closed;) {
      try {
        const more = await work();
        failures = 0;
        if (!more) await wake.wait(sweepMs);
      } catch (error) {
        if (error instanceof LeaseLostError) this.#turn = undefined;
        else this.#parts.logger.warn({ err: error }, 'the relay will try again');
        const longest = Math.min(longestRetryMs, 100 * 2 ** failures++);
        if (!this.#closed) await wake.wait(longest * (this.#parts.random ?? Math.random)());
      }
    }
  }

  async #numberSome(): Promise<boolean> {
    const turn = await this.#hold();
    if (turn === undefined) return false;
    const { orgIds, more } = await this.#parts.database.anywhere(async (tx) => {
      await demandLease(tx, turn);
      const events = await readUnnumbered(tx, batch);
      if (events.length === 0) return { orgIds: [], more: false };
      const heads = await readHeads(tx, [...new Set(events.map((e) => e.org_id))]);
      const numbered = chain(events, heads);
      await writeNumbers(tx, numbered);
      await writeHeads(tx, heads);
      return { orgIds: [...heads.keys()], more: events.length === batch };
    });
    for (const orgId of orgIds) this.#parts.bell.ring(bells.numbered(orgId));
    if (orgIds.length > 0) this.#publishing.ring();
    return more;
  }

  /** This process's turn, kept alive; undefined while another has it. */
  async #hold(): Promise<Turn | undefined> {
    const { database, holder } = this.#parts;
    const now = performance.now();
    const turn = this.#turn;
    if (turn === undefined) {
      this.#turn = await database.anywhere((tx) => takeLease(tx, holder, leaseSeconds));
      this.#renewed = now;
      this.#looked = -lookMs;
    } else if (now - this.#renewed > renewMs) {
      if (!(await database.anywhere((tx) => renewLease(tx, turn, leaseSeconds)))) this.#turn = undefined;
      this.#renewed = now;
    }
    return this.#turn;
  }

  async #publishSome(): Promise<boolean> {
    const turn = this.#turn;
    if (turn === undefined) return false;
    const { database } = this.#parts;
    if (performance.now() - this.#looked > lookMs) {
      await this.#ensureStream(turn);
      this.#looked = performance.now();
    }
    const waiting = await database.anywhere((tx) => readUnpublished(tx, lanes));
    try {
      await Promise.all(waiting.map((head) => this.#publishOf(turn, head.org_id, head.published_n)));
    } catch (error) {
      // The stream may be what is missing: look for it before the next try.
      this.#looked = -lookMs;
      throw error;
    }
    return waiting.length > 0;
  }

  async #publishOf(turn: Turn, orgId: string, after: string): Promise<void> {
    const { database } = this.#parts;
    const events = await database.anywhere((tx) => readNumbered(tx, orgId, after, batch));
    let last: string | undefined;
    try {
      for (const event of events) {
        await this.#stream.publish(event);
        last = event.n;
      }
    } finally {
      const n = last;
      if (n !== undefined)
        await database.anywhere(async (tx) => {
          await demandLease(tx, turn);
          await writePublished(tx, orgId, n);
        });
    }
  }

  /** Rewinds before it makes the stream: a crash between the two rewinds once more, and loses nothing. */
  async #ensureStream(turn: Turn): Promise<void> {
    await this.#stream.ensure(() =>
      this.#parts.database.anywhere(async (tx) => {
        await demandLease(tx, turn);
        await rewindPublished(tx, streamDays);
      }),
    );
  }
}

/** Numbers `events` on from `heads`, which it moves along. */
function chain(
  events: readonly AuditRecord[],
  heads: Map<string, { readonly n: bigint; readonly hash: Buffer }>,
): { id: string; n: string; hash: Buffer }[] {
  return events.map((event) => {
    const head = heads.get(event.org_id) ?? { n: 0n, hash: chainStart };
    const n = head.n + 1n;
    const hash = chainHash(head.hash, { ...event, n: String(n) });
    heads.set(event.org_id, { n, hash });
    return { id: event.id, n: String(n), hash };
  });
}

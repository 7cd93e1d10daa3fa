import type { Event } from '@truffle/api/tenant/v1/event';
import type { Database, LedgerTables } from '@truffle/database';
import { bells, type Bell } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';
import { eventMessage } from './event.codec.ts';
import { newestNumber, readEvents } from './event.repo.ts';
import { seesEvent, type EventView } from './event.view.ts';

export interface HubParts {
  /** As `svc_ledger_reader`. */
  readonly database: Pick<Database<LedgerTables>, 'tenant'>;
  readonly bell: Pick<Bell, 'listen'>;
  readonly logger: Logger;
  /** Milliseconds at most between two looks though no bell rang, and between two signs of life; default 10,000. */
  readonly sweepMs?: number;
}

export interface Watch {
  readonly orgId: string;
  /** Only events above this number; undefined for those from now on. */
  readonly after: bigint | undefined;
  /** Only events of this resource; empty for all. */
  readonly resourceId: string;
  /** Only what somebody may see; all without. */
  readonly view?: EventView | undefined;
  readonly signal: AbortSignal;
}

/** Events read at once, and events of one organization that are kept for its watchers. */
const batch = 500;
const mostRecent = 1_000;

/**
 * Feeds all of a process's watchers. Each watched organization has one channel: a doorbell costs one query, however many watch, and what
 * it brings is kept for all of them. A watcher is no more than a position: numbers have no gaps, so it knows whether the channel still
 * holds what comes next; if not (it came late, or is slow), it reads for itself until it has caught up. Nothing is queued per watcher.
 */
export class EventHub {
  readonly #parts: HubParts;
  readonly #channels = new Map<string, Channel>();

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** Events in order; undefined as a sign of life. Ends when `signal` aborts. */
  async *watch(watch: Watch): AsyncGenerator<Event | undefined> {
    const channel = this.#join(watch.orgId);
    try {
      const newest = await channel.ready;
      let position = watch.after ?? newest;
      for (;;) {
        if (watch.signal.aborted) return;
        const step = channel.since(position) ?? (await this.#read(channel, watch, position));
        for (const event of step.events) if (isWatched(watch, event)) yield event;
        const moved = step.upTo > position;
        position = moved ? step.upTo : position;
        if (!moved && !(await channel.moved(watch.signal, this.#sweepMs)) && !watch.signal.aborted) yield undefined;
      }
    } finally {
      this.#leave(channel);
    }
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  get #sweepMs(): number {
    return this.#parts.sweepMs ?? 10_000;
  }

  /** Reads for one watcher what its channel no longer holds. */
  async #read(channel: Channel, watch: Watch, after: bigint): Promise<Step> {
    // Taken first: every event up to here is committed, so a short answer means that it has been reached.
    const newest = channel.newest;
    const rows = await this.#parts.database.tenant(watch.orgId, (tx) =>
      readEvents(tx, after, batch, watch.resourceId, watch.view),
    );
    const last = BigInt(rows.at(-1)?.n ?? after);
    return { events: rows.map(eventMessage), upTo: rows.length === batch || last > newest ? last : newest };
  }

  #join(orgId: string): Channel {
    let channel = this.#channels.get(orgId);
    if (channel === undefined) {
      channel = new Channel(orgId, this.#parts, this.#sweepMs);
      this.#channels.set(orgId, channel);
    }
    channel.watchers++;
    return channel;
  }

  #leave(channel: Channel): void {
    if (--channel.watchers > 0) return;
    channel.close();
    if (this.#channels.get(channel.orgId) === channel) this.#channels.delete(channel.orgId);
  }
}

const isWatched = ({ resourceId, view }: Watch, event: Event): boolean =>
  (resourceId === '' || event.resourceId === resourceId) && (view === undefined || seesEvent(view, event));

interface Step {
  readonly events: readonly Event[];
  readonly upTo: bigint;
}

class Channel {
  readonly orgId: string;
  watchers = 0;
  /** Resolves with the newest number at the beginning. */
  readonly ready: Promise<bigint>;
  newest = 0n;
  readonly #parts: HubParts;
  readonly #recent: Event[] = [];
  readonly #deafen: () => void;
  readonly #sweep: NodeJS.Timeout;
  #waiting = new Set<() => void>();
  #reading = false;
  #again = false;
  #closed = false;

  constructor(orgId: string, parts: HubParts, sweepMs: number) {
    this.orgId = orgId;
    this.#parts = parts;
    this.#deafen = parts.bell.listen(bells.numbered(orgId), () => this.#look());
    this.#sweep = setInterval(() => this.#look(), sweepMs);
    this.ready = parts.database.tenant(orgId, newestNumber).then((n) => (this.newest = n));
  }

  /** What comes after `position`, when all of it is kept here. */
  since(position: bigint): Step | undefined {
    if (position >= this.newest) return { events: [], upTo: position };
    const first = this.#recent[0];
    if (first === undefined || first.n > position + 1n) return undefined;
    return { events: this.#recent.slice(Number(position + 1n - first.n)), upTo: this.newest };
  }

  /** Waits for something new; false when `ms` pass without. */
  async moved(signal: AbortSignal, ms: number): Promise<boolean> {
    if (signal.aborted) return false;
    return new Promise<boolean>((resolve) => {
      const done = (moved: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', quiet);
        this.#waiting.delete(loud);
        resolve(moved);
      };
      const loud = (): void => done(true);
      const quiet = (): void => done(false);
      const timer = setTimeout(quiet, ms);
      signal.addEventListener('abort', quiet);
      this.#waiting.add(loud);
    });
  }

  close(): void {
    this.#closed = true;
    this.#deafen();
    clearInterval(this.#sweep);
  }

  /** Reads once for all; rings while it reads are one more read. */
  #look(): void {
    this.#again = true;
    if (this.#reading || this.#closed) return;
    this.#reading = true;
    void this.#readAll().then(
      () => (this.#reading = false),
      (error: unknown) => {
        this.#reading = false;
        this.#parts.logger.warn({ err: error, orgId: this.orgId }, 'events could not be read; the next sweep will');
      },
    );
  }

  async #readAll(): Promise<void> {
    await this.ready;
    while (this.#again && !this.#closed) {
      this.#again = false;
      const rows = await this.#parts.database.tenant(this.orgId, (tx) => readEvents(tx, this.newest, batch));
      if (rows.length === 0) continue;
      this.#again ||= rows.length === batch;
      this.#recent.push(...rows.map(eventMessage));
      if (this.#recent.length > mostRecent) this.#recent.splice(0, this.#recent.length - mostRecent);
      this.newest = BigInt(rows.at(-1)?.n ?? this.newest);
      const waiting = this.#waiting;
      this.#waiting = new Set();
      for (const wake of waiting) wake();
    }
  }
}

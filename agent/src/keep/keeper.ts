import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import { decodePayload } from '../command/intake.ts';
import type { Journal } from '../journal/journal.ts';
import type { KeptRecord } from '../journal/declared.ts';
import { judge, newKeeping, pace, type Keeping, type Seen } from './keeping.ts';

/** What a site does for a server that is to run. */
export interface KeepSite {
  look(server: EnsureServer, signal: AbortSignal): Promise<Seen>;
  /** Starts it; resolves once it runs. @throws what the site says */
  start(server: EnsureServer, signal: AbortSignal): Promise<void>;
}

export interface KeeperDeps {
  readonly journal: Journal;
  readonly site: KeepSite;
  /** Whether a gateway is there to say what is wanted. */
  readonly connected: () => boolean;
  /** Has no command begin on the resource until the answer is called; undefined while one is at work on it. */
  readonly claim: (resourceKey: string) => (() => void) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Why the site's owner does not want a server started now; undefined for no objection. */
  readonly objection?: (server: EnsureServer) => string | undefined;
}

/** Milliseconds for one server: look, and start. */
const patienceMs = 120_000;

/**
 * Keeps servers running as they were last asked for, while no gateway is there to ask: one that stopped is started again, with back-off and
 * bounds. Nothing is done about a server that a newer command names, that is gone, that is somebody else's, that is locked, or that the site's
 * owner objects to. What was done is journalled and told when a gateway is back.
 */
export class Keeper {
  readonly #deps: KeeperDeps;
  readonly #servers = new Map<string, Keeping>();
  #awaySince: number | undefined;
  #disarm: (() => void) | undefined;
  #round: Promise<void> = Promise.resolve();
  #over = false;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#disarm = this.#deps.clock.after(pace.lookMs, () => {
      this.#round = this.#look()
        .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'servers could not be looked at'))
        .then(() => (this.#over ? undefined : this.start()));
    });
  }

  /** Looks no more; resolves when the last look is over. */
  async stop(): Promise<void> {
    this.#over = true;
    this.#disarm?.();
    await this.#round;
  }

  async #look(): Promise<void> {
    const { journal, connected, clock } = this.#deps;
    if (connected()) {
      this.#awaySince = undefined;
      this.#servers.clear();
      return;
    }
    this.#awaySince ??= clock.now();
    if (clock.now() - this.#awaySince < pace.awayMs) return;
    for (const { resourceKey, payload } of journal.declared.standing()) {
      const op = decodePayload(payload)?.op;
      if (op?.case === 'ensureServer') await this.#keep(resourceKey, op.value);
      // A gateway that is back, or a stop, ends the round.
      if (this.#over || connected()) return;
    }
  }

  async #keep(resourceKey: string, server: EnsureServer): Promise<void> {
    const { journal, site, clock, random, log, claim, objection } = this.#deps;
    const abort = new AbortController();
    const disarm = clock.after(patienceMs, () => abort.abort(new Error('the site took too long')));
    try {
      const seen = await this.#see(server, abort.signal, objection);
      const before = this.#servers.get(resourceKey) ?? newKeeping;
      const now = clock.now();
      const { after, act, why } = judge(before, seen, { now, random: random(), startsInAll: this.#startsInAll(now) });
      this.#servers.set(resourceKey, after);
      if (act === 'note') this.#note(resourceKey, server, 'left', why);
      if (act !== 'start') return;
      const release = claim(resourceKey);
      if (release === undefined) return;
      try {
        // A command may have come while it was looked at.
        if (!journal.declared.standing().some((each) => each.resourceKey === resourceKey)) return;
        log.warn({ resourceKey, serverId: server.serverId }, 'a server that is to run has stopped; starting it');
        await site.start(server, abort.signal);
      } finally {
        release();
      }
      this.#note(resourceKey, server, 'started', '');
    } catch (error) {
      log.warn({ resourceKey, err: error }, 'a server could not be kept running');
      if (this.#servers.get(resourceKey)?.starts.at(-1) !== undefined)
        this.#note(resourceKey, server, 'failed', error instanceof Error ? error.message.slice(0, 500) : '');
    } finally {
      disarm();
    }
  }

  async #see(server: EnsureServer, signal: AbortSignal, objection: KeeperDeps['objection']): Promise<Seen> {
    const seen = await this.#deps.site.look(server, signal);
    if (seen.state !== 'stopped') return seen;
    const why = objection?.(server);
    return why === undefined ? seen : { state: 'hands off', why };
  }

  #startsInAll(now: number): number {
    return [...this.#servers.values()].flatMap(({ starts }) => starts).filter((when) => now - when < pace.hourMs)
      .length;
  }

  #note(resourceKey: string, server: EnsureServer, outcome: KeptRecord['outcome'], detail: string): void {
    const { journal, clock } = this.#deps;
    journal.declared.note({ at: clock.wall(), resourceKey, serverId: server.serverId, outcome, detail });
  }
}

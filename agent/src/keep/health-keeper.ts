import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import { DecodedFailure } from '../command/failure.ts';
import { decodePayload } from '../command/intake.ts';
import type { KeptRecord, Watch, WatchedServer } from '../journal/declared.ts';
import type { Journal } from '../journal/journal.ts';
import type { Seen } from './keeping.ts';
import { inParallel } from './parallel.ts';
import { type Finding, isRecent, judgeHealth, newRemedying, type Remedying, remedyPace } from './remedying.ts';

/** What a site does for a server whose health is watched. */
export interface HealthSite {
  look(server: EnsureServer, signal: AbortSignal): Promise<Seen>;
  /** What is wrong; undefined for nothing. @throws DecodedFailure when the site's policy forbids to ask */
  check(server: EnsureServer, watch: Watch, signal: AbortSignal): Promise<string | undefined>;
  /** Restarts the watch's units, or the VM where it names none; may be done again. @throws what the server or the site says */
  remedy(server: EnsureServer, watch: Watch, signal: AbortSignal): Promise<void>;
}

export interface HealthKeeperDeps {
  readonly journal: Pick<Journal, 'declared'>;
  readonly site: HealthSite;
  /** Has no command begin on the resource until the answer is called; undefined while one is at work on it. */
  readonly claim: (resourceKey: string) => (() => void) | undefined;
  /** Something was noted that a gateway is to be told. */
  readonly noted: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Why the agent may not act on the server by itself just now; undefined for no reason. `exec`: something would be run on it. */
  readonly objection: (server: EnsureServer, exec: boolean) => string | undefined;
}

/** Milliseconds for a remedy, and for what is asked before it. */
const patienceMs = 180_000;
/** At least so many servers, and more than half of all, must be unhealthy at once for the trouble to be the site's. */
const many = 3;

interface Asked {
  /** Failed answers in a row. */
  readonly failures: number;
  readonly wrong: string;
  /** By the monotonic clock. */
  readonly at: number;
}

/** One watched server and what its checks say: `watch` is the one that fails. */
interface Look {
  readonly watched: WatchedServer;
  readonly server: EnsureServer;
  readonly failing: { readonly watch: Watch; readonly asked: Asked } | undefined;
  /** Why it could not be asked; empty for asked. */
  readonly barred: string;
}

type About = Pick<KeptRecord, 'resourceKey' | 'serverId'>;
type States = Map<string, { readonly about: About; readonly state: Remedying }>;

interface Treatment {
  readonly watch: Watch;
  readonly wrong: string;
  readonly after: Remedying;
  readonly signal: AbortSignal;
}

/**
 * Asks for the health of servers whose deployments declare a remedy, and applies it, with a gateway or without: within bounds in number and
 * time that survive a restart, never beside a command on the server, never against the site's policy, a lock or the hold tag. What was done is
 * journalled and told.
 */
export class HealthKeeper {
  readonly #deps: HealthKeeperDeps;
  readonly #asked = new Map<string, Asked>();
  readonly #stop = new AbortController();
  #disarm: (() => void) | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(deps: HealthKeeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    for (const { about, state } of this.#states().values())
      if (state.acting !== '') this.#note(about, state, 'remedy-failed', `the agent ended during: ${state.acting}`);
    this.#arm();
  }

  /** Asks no more, and leaves a remedy that is under way; resolves when the last round is over. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the agent stops'));
    this.#disarm?.();
    await this.#round;
  }

  #arm(): void {
    const { clock, random, log } = this.#deps;
    this.#disarm = clock.after(remedyPace.roundMs * (0.8 + 0.4 * random()), () => {
      this.#round = this.#look()
        .catch((error: unknown) => log.warn({ err: error }, 'the health of servers could not be asked'))
        .then(() => (this.#stop.signal.aborted ? undefined : this.#arm()));
    });
  }

  async #look(): Promise<void> {
    const watched = this.#deps.journal.declared.watched();
    this.#forgetAllBut(watched);
    if (watched.length === 0) return;
    const looks = (await inParallel(watched, remedyPace.asksAtOnce, (each) => this.#ask(each))).filter(
      (each) => each !== undefined,
    );
    const failing = looks.filter((each) => each.failing !== undefined).length;
    const common =
      failing >= many && failing * 2 > looks.length
        ? `${failing} of ${looks.length} servers are unhealthy at once: the trouble is not theirs`
        : '';
    const states = this.#states();
    await inParallel(looks, remedyPace.remediesAtOnce, (look) => this.#treat(look, states, common));
  }

  async #ask(watched: WatchedServer): Promise<Look | undefined> {
    const op = decodePayload(watched.payload)?.op;
    if (op?.case !== 'ensureServer' || this.#stop.signal.aborted) return undefined;
    const { clock, site } = this.#deps;
    const look = { watched, server: op.value, barred: '' };
    for (const watch of watched.watches) {
      const key = `${watched.resourceKey}/${watch.deployment}`;
      const before = this.#asked.get(key);
      // A round comes a little early or late.
      const due = before === undefined || clock.now() - before.at >= watch.health.intervalMs - remedyPace.roundMs / 2;
      let asked = before;
      if (due || asked === undefined)
        try {
          const wrong = await site.check(op.value, watch, this.#stop.signal);
          asked = {
            failures: wrong === undefined ? 0 : (before?.failures ?? 0) + 1,
            wrong: wrong ?? '',
            at: clock.now(),
          };
          this.#asked.set(key, asked);
        } catch (error) {
          if (this.#stop.signal.aborted) return undefined;
          if (!(error instanceof DecodedFailure)) throw error;
          return { ...look, failing: undefined, barred: error.message };
        }
      if (asked.failures > 0) return { ...look, failing: { watch, asked } };
    }
    return { ...look, failing: undefined };
  }

  async #treat(look: Look, states: States, common: string): Promise<void> {
    const { clock, random, log } = this.#deps;
    const about: About = { resourceKey: look.watched.resourceKey, serverId: look.server.serverId };
    const abort = new AbortController();
    const disarm = clock.after(patienceMs, () => abort.abort(new Error(`it took longer than ${patienceMs / 1000} s`)));
    const signal = AbortSignal.any([abort.signal, this.#stop.signal]);
    try {
      const found = await this.#find(look, common, signal);
      const before = states.get(about.resourceKey)?.state ?? newRemedying;
      const now = clock.wall();
      const all = [...states.values()].flatMap(({ state }) => state.at);
      const inAll = all.filter((when) => isRecent(when, now)).length;
      const { after, act, why } = judgeHealth(before, found, { now, random: random(), inAll });
      if (act === 'remedy' && look.failing !== undefined) {
        states.set(about.resourceKey, { about, state: after });
        return await this.#remedy(about, look.server, { watch: look.failing.watch, wrong: why, after, signal });
      }
      if (act === 'leave') this.#note(about, after, 'unhealthy', why);
      else if (act === 'healthy') this.#note(about, after, 'healthy', '');
      else if (after.tries !== before.tries) this.#deps.journal.declared.remember(about, JSON.stringify(after));
    } catch (error) {
      if (!this.#stop.signal.aborted) log.warn({ ...about, err: error }, 'an unhealthy server could not be looked at');
    } finally {
      disarm();
    }
  }

  async #find({ server, failing, barred }: Look, common: string, signal: AbortSignal): Promise<Finding> {
    if (barred !== '') return { state: 'unhealthy', wrong: 'its health can not be asked', hold: barred, graceMs: 0 };
    if (failing === undefined) return { state: 'healthy' };
    const { watch, asked } = failing;
    if (asked.failures < watch.health.remedy.failures) return { state: 'unclear' };
    const seen = await this.#deps.site.look(server, signal);
    // A VM that stands still is no matter of health: the keeper starts it, or somebody stopped it.
    if (seen.state === 'stopped') return { state: 'unclear' };
    const hold = seen.state === 'hands off' ? seen.why : (seen.hold ?? '');
    const objection = this.#deps.objection(server, watch.health.remedy.units.length > 0) ?? '';
    return {
      state: 'unhealthy',
      wrong: `${watch.deployment}: ${asked.wrong}`,
      hold: hold || objection || common,
      graceMs: watch.health.timeoutMs,
    };
  }

  async #remedy(about: About, server: EnsureServer, { watch, wrong, after, signal }: Treatment): Promise<void> {
    const { journal, site, claim, log } = this.#deps;
    const release = claim(about.resourceKey);
    if (release === undefined) return;
    try {
      // A command may have come while it was asked.
      if (!journal.declared.standing().some(({ resourceKey }) => resourceKey === about.resourceKey)) return;
      const { units } = watch.health.remedy;
      const what = units.length > 0 ? `restarted ${units.join(', ')}` : 'restarted the VM';
      const told = `${wrong}; ${what} (${after.tries} of ${remedyPace.triesInARow})`;
      log.warn({ ...about, wrong }, 'a server is unhealthy; applying its remedy');
      journal.declared.remember(about, JSON.stringify({ ...after, acting: told }));
      try {
        await site.remedy(server, watch, signal);
        this.#note(about, after, 'remedied', told);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const failed = error instanceof Error ? error.message : String(error);
        this.#note(about, after, 'remedy-failed', `${wrong}; its remedy failed: ${failed}`);
      }
    } finally {
      release();
    }
  }

  /** Journals in one record what is to be told and what is remembered. */
  #note(about: About, state: Remedying, outcome: KeptRecord['outcome'], detail: string): void {
    const { journal, clock, noted } = this.#deps;
    const note = { at: clock.wall(), outcome, detail: detail.slice(0, 500) };
    journal.declared.remember(about, JSON.stringify({ ...state, acting: '' }), note);
    noted();
  }

  #states(): States {
    return new Map(
      this.#deps.journal.declared
        .remedying()
        .map(({ state, ...about }) => [about.resourceKey, { about, state: JSON.parse(state) as Remedying }]),
    );
  }

  #forgetAllBut(watched: readonly WatchedServer[]): void {
    const keys = new Set(
      watched.flatMap(({ resourceKey, watches }) => watches.map((w) => `${resourceKey}/${w.deployment}`)),
    );
    for (const key of this.#asked.keys()) if (!keys.has(key)) this.#asked.delete(key);
  }
}

import pino from 'pino';
import type { Clock } from '../../../agent/src/command/clock.ts';
import { pingHandler } from '../../../agent/src/command/ping.ts';
import { Reports } from '../../../agent/src/command/report.ts';
import { Runner } from '../../../agent/src/command/runner.ts';
import { Journal } from '../../../agent/src/journal/journal.ts';
import { Link } from '../../../agent/src/link/link.ts';
import type { Dialer } from '../../../agent/src/link/stream.ts';
import type { Chance } from './chance.ts';
import type { Folder } from './disk.ts';
import type { Scheduler } from './scheduler.ts';
import type { Site } from './site.ts';

const log = pino({ level: 'silent' });

export interface MachineParts {
  readonly agentId: string;
  readonly endpoints: readonly string[];
  readonly time: Scheduler;
  readonly chance: Chance;
  readonly site: Site;
  readonly fault: (name: string) => void;
  readonly faulty: () => boolean;
  readonly violation: (what: string) => void;
  /** The network as this machine's process sees it. */
  readonly dialer: (alive: () => boolean) => Dialer;
  /** A process is gone. */
  readonly died: (silent: boolean) => void;
}

/** A process died here: what comes after is not done. */
class Crash extends Error {
  override readonly name = 'Crash';
}

interface Life {
  readonly journal: Journal;
  readonly runner: Runner;
  readonly link: Link;
}

/** A host with one agent's data folder and, most of the time, a process on it: the product's own code on a simulated disk and network. */
export class Machine {
  readonly folder: Folder;
  readonly #parts: MachineParts;
  #no = 0;
  #life: Life | undefined;
  #rate = 1;
  #skew = 0;
  #fullUntil = 0;
  /** Nobody starts the process again. */
  #retired = false;

  constructor(folder: Folder, parts: MachineParts) {
    this.folder = folder;
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  /** Commands in its journal; undefined while no process looks. */
  get held(): number | undefined {
    return this.#life?.runner.inFlight().length;
  }

  start(): void {
    if (this.#retired || this.#life !== undefined) return;
    const no = ++this.#no;
    const { chance, time } = this.#parts;
    this.#rate = chance.between(0.95, 1.05);
    const alive = (): boolean => this.#no === no && !this.#retired;
    try {
      this.#life = this.#begin(alive);
      this.#life.runner.recover();
      this.#life.link.start();
    } catch (error) {
      if (alive()) this.#parts.violation(`the agent did not start: ${String(error)}`);
    }
    if (!alive()) time.after(0, () => undefined);
  }

  /** SIGKILL; `power`: the whole machine. It is started again by its supervisor. */
  crash(power: boolean): void {
    if (this.#retired) return;
    this.#end(power);
    if (power) {
      if (this.folder.loseUnsynced()) this.#parts.fault('unsynced writes lost');
    } else this.folder.rollBack();
    const { chance, time } = this.#parts;
    time.after(chance.between(power ? 5_000 : 100, power ? 60_000 : 5_000), () => this.start());
  }

  /** SIGTERM, and a start again. */
  async restart(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    await life.runner.stop(10_000);
    if (this.#life !== life) return;
    life.link.stop();
    this.crash(false);
  }

  /** Gone for good. */
  retire(): void {
    this.#end(false);
    this.#retired = true;
  }

  jumpClock(ms: number): void {
    this.#skew += ms;
  }

  fillDisk(ms: number): void {
    this.#fullUntil = this.#parts.time.now + ms;
  }

  #end(silent: boolean): void {
    this.#no++;
    this.#life = undefined;
    this.#parts.died(silent);
  }

  #begin(alive: () => boolean): Life {
    const { chance, fault, faulty, time } = this.#parts;
    const journal = new Journal(
      '',
      () => {
        if (!alive()) return;
        this.crash(false);
      },
      {
        open: () =>
          this.folder.open({
            at: (point) => {
              if (!alive()) throw new Crash('the process is gone');
              if (!faulty() || !chance.hits(0.004)) return;
              fault(`crash ${point}`);
              this.crash(chance.hits(0.3));
              throw new Crash(point);
            },
            full: () => time.now < this.#fullUntil,
          }),
      },
    );
    const clock = this.#clock(alive);
    const link: { current?: Link } = {};
    const reports = new Reports({ journal, clock, wake: (urgency) => link.current?.wake(urgency) });
    const actor = {
      agentId: this.#parts.agentId,
      alive,
      pause: (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve)),
    };
    const handlers = [pingHandler, this.#parts.site.handler(actor)];
    const runner = new Runner({ journal, reports, handlers, gate: () => undefined, clock, log });
    link.current = new Link({
      journal,
      runner,
      reports,
      clock,
      log,
      random: chance.next,
      dialer: this.#parts.dialer(alive),
      endpoints: this.#parts.endpoints,
      despair: () => this.crash(false),
      version: '1',
    });
    return { journal, runner, link: link.current };
  }

  #clock(alive: () => boolean): Clock {
    const { time } = this.#parts;
    const rate = this.#rate;
    return {
      now: () => time.now * rate,
      wall: () => 1_800_000_000_000 + time.now + this.#skew,
      after: (ms, act) => time.after(ms / rate, () => this.guarded(alive, act)),
    };
  }

  /** Runs what a process does; once it is dead, whatever it throws died with it. */
  guarded(alive: () => boolean, act: () => void): void {
    if (!alive()) return;
    try {
      act();
    } catch (error) {
      if (alive()) this.#parts.violation(`the agent threw: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
}

import pino from 'pino';
import type { Clock } from '../../../agent/src/command/clock.ts';
import type { CommandHandler } from '../../../agent/src/command/effect.ts';
import { pingHandler } from '../../../agent/src/command/ping.ts';
import { Reports } from '../../../agent/src/command/report.ts';
import { Runner } from '../../../agent/src/command/runner.ts';
import { identityFiles } from '../../../agent/src/identity/folder.ts';
import { CertificateKeeper, type KeeperDeps, type Recovered } from '../../../agent/src/identity/keeper.ts';
import { QuarantineGuard } from '../../../agent/src/identity/quarantine.ts';
import { Journal } from '../../../agent/src/journal/journal.ts';
import { Link } from '../../../agent/src/link/link.ts';
import type { Dialer } from '../../../agent/src/link/stream.ts';
import type { HolderClaim } from '../../../services/agent-gateway/src/session/admission.ts';
import type { Chance } from './chance.ts';
import type { Folder } from './disk.ts';
import { decoded, sha256, type Certificate } from './identity.ts';
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
  readonly dialer: (alive: () => boolean, certificate: () => Certificate) => Dialer;
  /** How the process asks for certificates. */
  readonly ask: (alive: () => boolean) => Pick<KeeperDeps, 'renew'> & {
    readonly recover: (claim: HolderClaim, csr: Uint8Array<ArrayBuffer>) => Promise<Recovered>;
  };
  readonly fresh: () => number;
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
  readonly keeper: CertificateKeeper;
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
  /** A person chose another holder of the identity. */
  denied = false;
  /** When it had its last session. */
  servedAt = Number.NEGATIVE_INFINITY;
  /** What a gateway refused it with last, since its last session. */
  refusal: string | undefined;

  constructor(folder: Folder, parts: MachineParts) {
    this.folder = folder;
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  get ready(): boolean {
    return this.#life?.link.ready ?? false;
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
      this.#life.keeper.start();
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
    const handlers = [pingHandler, this.#free(this.#parts.site.handler(actor))];
    const runner = new Runner({ journal, reports, handlers, gate: () => undefined, clock, log });
    const { folder } = this.folder.identity;
    const [hold, resume] = [() => runner.hold(), () => runner.resume()];
    const guard = new QuarantineGuard({ folder, agentId: this.#parts.agentId, clock, log, hold, resume });
    const keeper = this.#keeper(alive, { journal, clock, moved: () => link.current?.move() });
    link.current = new Link({
      journal,
      runner,
      reports,
      clock,
      log,
      random: chance.next,
      dialer: this.#parts.dialer(alive, () => decoded(keeper.credentials().certificate)),
      endpoints: this.#parts.endpoints,
      despair: () => this.crash(false),
      version: '1',
      refused: (refusal, dialledAt) => {
        this.refusal = refusal.reason;
        guard.refused(refusal);
        if (refusal.reason === 'CERTIFICATE_ENDED') keeper.certificateEnded(dialledAt);
      },
      welcomed: () => {
        this.refusal = undefined;
        this.servedAt = time.now;
        guard.welcomed();
        if (this.denied) this.#parts.violation('a holder that was not chosen has a session');
      },
    });
    return { journal, runner, link: link.current, keeper };
  }

  /** A handler that must not begin while the agent knows that it is in quarantine. */
  #free(handler: CommandHandler): CommandHandler {
    return {
      ...handler,
      run: (run) => {
        if (this.folder.identity.folder.read(identityFiles.quarantine) !== undefined)
          this.#parts.violation(`${run.commandId} was begun in quarantine`);
        return handler.run(run);
      },
    };
  }

  #keeper(
    alive: () => boolean,
    { journal, clock, moved }: { readonly journal: Journal; readonly clock: Clock; readonly moved: () => void },
  ): CertificateKeeper {
    const { agentId, chance, fault, faulty, fresh, ask } = this.#parts;
    const { identity } = this.folder;
    const { renew, recover } = ask(alive);
    const mayDie = (): void => {
      if (!alive()) throw new Crash('the process is gone');
      if (!faulty() || !chance.hits(0.02)) return;
      fault('crash at a certificate');
      this.crash(chance.hits(0.3));
      throw new Crash('at a certificate');
    };
    return new CertificateKeeper({
      dataFolder: '',
      pairs: identity.pairs(mayDie, () => `request ${fresh()}`),
      identity: identity.identity(agentId),
      clock,
      random: chance.next,
      log,
      renew,
      recover: (_identity, csr) => {
        const { incarnation, lsn, continuity } = journal.standing();
        const token = continuity.length === 0 ? '' : sha256(continuity).toString('hex');
        return recover({ incarnation, journalLsn: BigInt(lsn), continuity: token }, csr);
      },
      renewed: () => {
        if (alive()) moved();
      },
    });
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

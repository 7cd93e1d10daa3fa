import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import type { LinkCredentials } from '../link/grpc.ts';
import type { Identity } from './identity.ts';
import { NextPair, type Issued, type PairCredentials, type Pairs } from './pair.ts';
import { dueAt, retryMs, type Due } from './schedule.ts';

/** The control plane does not want this agent to have a certificate; a person has to do something. */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused';
  readonly code = 'CERTIFICATE_REFUSED';
}

/** What recovery gives beside: where gateways are now. */
export interface Recovered extends Issued {
  readonly endpoints: readonly string[];
}

export interface KeeperDeps {
  readonly dataFolder: string;
  /** Where the next pair is kept; the data folder unless said. */
  readonly pairs?: Pairs;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Asks a gateway for the next certificate; rejects with CertificateRefused when it must not have one. */
  readonly renew: (credentials: PairCredentials, csr: Uint8Array<ArrayBuffer>) => Promise<Issued>;
  /** Asks the control plane's origin, by the identity key; rejects with CertificateRefused when it must not have one. */
  readonly recover: (identity: Identity, csr: Uint8Array<ArrayBuffer>) => Promise<Recovered>;
  /** There is another certificate: a session is to be opened with it, at `endpoints` where there are any. */
  readonly renewed: (endpoints: readonly string[]) => void;
}

/**
 * Keeps the agent's certificate good: renews it at two thirds of its life, and gets another by the identity key when it has ended. The
 * present pair is used until the next one has been through a handshake.
 */
export class CertificateKeeper {
  readonly #deps: KeeperDeps;
  readonly #next: Pairs;
  readonly #jitter: number;
  #identity: Identity;
  #failures = 0;
  #cancel: (() => void) | undefined;
  #busy: Promise<void> | undefined;
  #stopped = false;
  /** By the monotonic clock; undefined for the pair that was there at the start. */
  #adoptedAt: number | undefined;
  /** The gateway said so: its clock is the one that counts. */
  #ended = false;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
    this.#identity = deps.identity;
    this.#jitter = deps.random();
    this.#next = deps.pairs ?? new NextPair(deps.dataFolder);
    this.#next.clean(this.#identity);
  }

  /** What to dial with now. */
  credentials(): LinkCredentials {
    const { certificate, mtlsKey, authorities, serverName } = this.#identity;
    return { certificate, key: mtlsKey, authorities, serverName };
  }

  start(): void {
    this.#arm(this.#due().at);
  }

  /**
   * The gateway says that the certificate has ended, whatever this machine's clock says: the one that was shown when its stream was dialled
   * (`dialledAt`, monotonic milliseconds). Where another has come since, the word is about the one before it.
   */
  certificateEnded(dialledAt: number): void {
    if (this.#adoptedAt !== undefined && dialledAt <= this.#adoptedAt) return;
    this.#ended = true;
    if (this.#busy === undefined) this.#arm(this.#deps.clock.wall());
  }

  /** Begins nothing more; resolves when what is on its way has come back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#busy;
  }

  #due(): Due {
    const now = this.#deps.clock.wall();
    const ended = this.#ended || this.#isOutlived(now);
    return ended ? { kind: 'recover', at: 0 } : dueAt(this.#identity, now, this.#jitter);
  }

  /**
   * Whether every try has failed for as long as a certificate lasts. A clock that was set back says "renew" for ever, and who shows what has
   * ended is told of that by nobody. Kept on disk, since an agent without a session starts anew every few minutes.
   */
  #isOutlived(now: number): boolean {
    const since = this.#next.failingSince();
    if (since === undefined) return false;
    const { certificateFrom, certificateEnds } = this.#identity;
    if (now < since) this.#noteFailing(now);
    return now - since >= certificateEnds.getTime() - certificateFrom.getTime();
  }

  #noteFailing(since: number | undefined): void {
    try {
      this.#next.setFailing(since);
    } catch (error) {
      // A full disk: it only takes longer until the clock is known to be wrong.
      this.#deps.log.warn({ err: error }, 'it could not be noted whether certificates are renewed');
    }
  }

  #arm(at: number): void {
    if (this.#stopped) return;
    this.#cancel?.();
    const { clock } = this.#deps;
    this.#cancel = clock.after(Math.max(0, at - clock.wall()), () => this.#wake());
  }

  #wake(): void {
    const { clock, log, random } = this.#deps;
    const due = this.#due();
    // A timer of Node holds 24 days at most, and the machine may have slept.
    if (clock.wall() < due.at) return this.#arm(due.at);
    this.#busy = (due.kind === 'renew' ? this.#renew() : this.#recover())
      .then(
        () => {
          this.#failures = 0;
          this.#noteFailing(undefined);
          return this.#due().at;
        },
        (error: unknown) => {
          if (this.#next.failingSince() === undefined) this.#noteFailing(clock.wall());
          // By this machine's clock alone nothing has ended for good: the present certificate may renew at the next try.
          const refused = error instanceof CertificateRefused && (due.kind === 'renew' || this.#ended);
          const wait = retryMs(this.#failures++, refused, random);
          const message = `the certificate could not be ${due.kind === 'renew' ? 'renewed' : 'recovered'}`;
          log.error(
            { err: error, certificateEnds: this.#identity.certificateEnds, againInMs: Math.round(wait) },
            message,
          );
          return clock.wall() + wait;
        },
      )
      .then((at) => {
        this.#busy = undefined;
        this.#arm(at);
      });
  }

  async #renew(): Promise<void> {
    if (await this.#tryKept()) return;
    await this.#ask();
    await this.#try();
  }

  /**
   * The certificate has ended, as this machine's clock has it or the gateway: by the clock alone a renewal is tried first, since clocks are
   * wrong more often than agents are away.
   */
  async #recover(): Promise<void> {
    const { recover, log } = this.#deps;
    const identity = this.#identity;
    try {
      if (await this.#tryKept()) return;
      if (!this.#ended) {
        await this.#ask();
        return await this.#try();
      }
    } catch (error) {
      log.info({ err: error }, 'the present certificate is no good any more');
    }
    log.warn(
      { certificateEnds: identity.certificateEnds },
      'the certificate has ended: recovering by the identity key',
    );
    const recovered = await recover(identity, this.#next.request(identity));
    this.#next.store(identity, recovered);
    this.#adopt(recovered.endpoints);
    log.info({ certificateEnds: this.#identity.certificateEnds }, 'recovered');
  }

  /** Tries a pair that an earlier try left on disk; false when there is none, or it is no good. */
  async #tryKept(): Promise<boolean> {
    if (this.#next.credentials(this.#identity) === undefined) return false;
    try {
      await this.#try();
      return true;
    } catch {
      this.#next.forget(this.#identity);
      return false;
    }
  }

  async #ask(): Promise<void> {
    const identity = this.#identity;
    this.#next.store(identity, await this.#deps.renew(this.credentials(), this.#next.request(identity)));
  }

  /**
   * The same request with the new pair: its handshake is what is asked for. Then it is the one that counts, unless it lay here for so long
   * that a younger one is given: this machine would count its life from now on, and it ends sooner.
   */
  async #try(): Promise<void> {
    const identity = this.#identity;
    const fresh = this.#next.credentials(identity);
    if (fresh === undefined) throw new CertificateRefused('the certificate that came is not there');
    try {
      this.#next.store(identity, await this.#deps.renew(fresh, this.#next.request(identity)));
    } catch (error) {
      if (error instanceof CertificateRefused) this.#next.drop(identity);
      throw error;
    }
    if (this.#next.credentials(identity)?.certificate !== fresh.certificate) return this.#try();
    this.#adopt();
    this.#deps.log.info({ certificateEnds: this.#identity.certificateEnds }, 'certificate renewed');
  }

  #adopt(endpoints: readonly string[] = []): void {
    this.#identity = this.#next.adopt(this.#identity, endpoints, this.#deps.clock.wall());
    this.#ended = false;
    this.#adoptedAt = this.#deps.clock.now();
    this.#deps.renewed(endpoints);
  }
}

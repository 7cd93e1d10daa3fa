import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import type { LinkCredentials } from '../link/grpc.ts';
import type { Identity } from './identity.ts';
import { NextPair, type Issued, type PairCredentials } from './pair.ts';
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
  readonly #next: NextPair;
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
    this.#next = new NextPair(deps.dataFolder);
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
   * The gateway says that the certificate has ended, whatever this machine's clock says. One that came a while ago can't have: the word is
   * about a session that was opened with the one before it.
   */
  certificateEnded(): void {
    const { certificateFrom, certificateEnds } = this.#identity;
    const half = (certificateEnds.getTime() - certificateFrom.getTime()) / 2;
    if (this.#adoptedAt !== undefined && this.#deps.clock.now() - this.#adoptedAt < half) return;
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
    return this.#ended ? { kind: 'recover', at: 0 } : dueAt(this.#identity, this.#deps.clock.wall(), this.#jitter);
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
          return this.#due().at;
        },
        (error: unknown) => {
          const refused = error instanceof CertificateRefused;
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
    const { clock, renew, log } = this.#deps;
    const identity = this.#identity;
    const csr = this.#next.request(identity);
    if (this.#next.credentials(identity, clock.wall()) === undefined)
      this.#next.store(identity, await renew(this.credentials(), csr));
    const fresh = this.#next.credentials(identity, clock.wall());
    if (fresh === undefined) throw new CertificateRefused('the certificate that came is not good now');
    try {
      // The same request with the new pair: its handshake is what is asked for.
      await renew(fresh, csr);
    } catch (error) {
      if (error instanceof CertificateRefused) this.#next.drop(identity);
      throw error;
    }
    this.#adopt();
    log.info({ certificateEnds: this.#identity.certificateEnds }, 'certificate renewed');
  }

  async #recover(): Promise<void> {
    const { recover, log, clock } = this.#deps;
    const identity = this.#identity;
    log.warn(
      { certificateEnds: identity.certificateEnds },
      'the certificate has ended: recovering by the identity key',
    );
    // One that came before and was never tried may still be good.
    if (this.#next.credentials(identity, clock.wall()) !== undefined) return this.#adopt();
    const recovered = await recover(identity, this.#next.request(identity));
    this.#next.store(identity, recovered);
    this.#adopt(recovered.endpoints);
    log.info({ certificateEnds: this.#identity.certificateEnds }, 'recovered');
  }

  #adopt(endpoints: readonly string[] = []): void {
    this.#identity = this.#next.adopt(this.#identity, endpoints);
    this.#ended = false;
    this.#adoptedAt = this.#deps.clock.now();
    this.#deps.renewed(endpoints);
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '@truffle/database';
import type { Envelope } from '@truffle/envelope';
import { bells, type Bell } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';
import { deleteExpiredSignUps } from '../account/sign-up.repo.ts';
import { Wake } from '../event/wake.ts';
import { deleteExpiredDeviceLogins } from '../device/device.repo.ts';
import { deleteExpiredChallenges } from '../factor/challenge.repo.ts';
import { deleteExpiredLinks } from '../link/link.repo.ts';
import { deviceLifetime } from '../session/session.ts';
import { deleteOldSessions } from '../session/session.repo.ts';
import { deleteExpiredFlows } from '../sso/flow.repo.ts';
import type { TenantTables } from '../tables.ts';
import { mailLifetimeMs, mostAttempts, retryPauseMs } from './mail.ts';
import { deleteOldMails, endMail, retryMail, takeMails, type MailRow } from './mail.repo.ts';
import { MailRefusedError, type MailTransport } from './mail.transport.ts';
import { writeMail } from './mail.usecases.ts';

export interface CourierParts {
  /** As `svc_identity`. */
  readonly identity: Database<TenantTables>;
  readonly envelope: Envelope;
  readonly transport: MailTransport;
  readonly origin: string;
  readonly bell: Pick<Bell, 'listen'>;
  readonly logger: Logger;
  readonly now: () => Date;
  /** 0 to 1. */
  readonly random: () => number;
}

/** Longer than a mail may take: a courier that died lets go of its mails after this. */
const leaseMs = 60_000;
const batch = 10;
const sweepMs = 2_000;
/**
 * A mail is begun this much (to twice this) after it was posted. The call that posted it is answered by then: how busy the process is with the
 * mail, which depends on whether the address has an account, can't be told from how long the answer took.
 */
const settleMs = 150;
const longestPauseMs = 30_000;
const housekeepingMs = 60_000;

/** Sends what is in the outbox. Several may work at once: each mail is leased to one of them. */
export class MailCourier {
  readonly #parts: CourierParts;
  readonly #wake = new Wake();
  #closed = false;
  #tidied = 0;
  #loop: Promise<void> = Promise.resolve();
  #deafen: () => void = () => undefined;

  constructor(parts: CourierParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#deafen = this.#parts.bell.listen(bells.mail, () => this.#wake.ring());
    this.#loop = this.#run();
  }

  /** Ends after the mails at work. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#deafen();
    this.#wake.ring();
    await this.#loop;
    this.#parts.transport.close();
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#closed;) {
      try {
        const sent = await this.round();
        failures = 0;
        if (sent < batch) await this.#wake.wait(sweepMs);
        if (!this.#closed) await delay(settleMs * (1 + this.#parts.random()));
      } catch (error) {
        this.#parts.logger.warn({ err: error }, 'the mail courier will try again');
        const longest = Math.min(longestPauseMs, 500 * 2 ** failures++);
        if (!this.#closed) await this.#wake.wait(longest * this.#parts.random());
      }
    }
  }

  /** Takes what is due and sends it; returns how many it took. */
  async round(): Promise<number> {
    const { identity } = this.#parts;
    await this.#tidy();
    const mails = await identity.anywhere((tx) => takeMails(tx, this.#parts.now(), leaseMs, batch));
    await Promise.all(mails.map((mail) => this.#deliver(mail)));
    return mails.length;
  }

  async #deliver(mail: MailRow): Promise<void> {
    const { identity, envelope, origin, transport, logger, now, random } = this.#parts;
    const end = (outcome: string) => identity.anywhere((tx) => endMail(tx, mail.id, outcome, now()));
    if (now().getTime() - mail.created_at.getTime() > mailLifetimeMs) return end('too late');
    const text = await identity.anywhere((tx) => writeMail({ tx, envelope, origin, now: now() }, mail));
    if (text === undefined) return end('dropped');
    try {
      await transport.send({ id: mail.id, to: mail.email, ...text });
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      logger.warn({ mail: mail.id, kind: mail.kind, attempt: mail.attempts, reason }, 'a mail was not sent');
      if (error instanceof MailRefusedError || mail.attempts >= mostAttempts) return end(reason);
      const at = new Date(now().getTime() + retryPauseMs(mail.attempts, random()));
      return identity.anywhere((tx) => retryMail(tx, mail.id, at));
    }
    return end('sent');
  }

  /** Deletes what has ended: mails, links, challenges, sign-ups that nobody finished, sessions that tell of no device any more. */
  async #tidy(): Promise<void> {
    const now = this.#parts.now();
    if (now.getTime() - this.#tidied < housekeepingMs) return;
    this.#tidied = now.getTime();
    await this.#parts.identity.anywhere(async (tx) => {
      await deleteOldMails(tx, now);
      await deleteExpiredLinks(tx, now);
      await deleteExpiredChallenges(tx, now);
      await deleteExpiredSignUps(tx, now);
      await deleteOldSessions(tx, new Date(now.getTime() - deviceLifetime));
      await deleteExpiredFlows(tx, now);
      await deleteExpiredDeviceLogins(tx, now);
    });
  }
}

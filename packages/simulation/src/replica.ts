import pino from 'pino';
import { expiredFailure } from '../../../services/agent-gateway/src/command/command.codec.ts';
import { isTerminal } from '../../../services/agent-gateway/src/command/command.ts';
import { leasePace } from '../../../services/agent-gateway/src/gateway/lease.ts';
import { agentWords } from '../../../services/agent-gateway/src/gateway/gateway.ts';
import { LinkSession } from '../../../services/agent-gateway/src/session/link-session.ts';
import type { LinkCall } from '../../../services/agent-gateway/src/session/outbox.ts';
import type { SessionParts } from '../../../services/agent-gateway/src/session/session-parts.ts';
import { tickSession } from '../../../services/agent-gateway/src/session/session-tick.ts';
import type { PeerIdentity } from '../../../services/agent-gateway/src/session/standing.ts';
import type { Bells } from './bells.ts';
import type { Chance } from './chance.ts';
import { ConnectionLost, type Tables } from './database.ts';
import type { Wire } from './network.ts';
import type { Authority } from './registry.ts';
import type { Scheduler } from './scheduler.ts';
import { SimulatedStore } from './store.ts';

/** Milliseconds that pass between two looks; as in the gateway itself. */
const sweepMs = 5_000;
/** Milliseconds after the end of a certificate by which each session was looked at. */
const tickedMs = 1_100;

export interface ReplicaParts {
  readonly id: string;
  readonly endpoint: string;
  readonly time: Scheduler;
  readonly chance: Chance;
  readonly tables: Tables;
  readonly bells: Bells;
  readonly dbNow: () => number;
  readonly fresh: () => number;
  readonly authority: Authority;
  readonly violation: (what: string) => void;
  readonly fault: (name: string) => void;
  /** Whether faults are still to happen. */
  readonly faulty: () => boolean;
}

/** One gateway process: real sessions over a simulated database, with the loops of `Gateway`. */
export class Replica {
  readonly endpoint: string;
  readonly id: string;
  readonly store: SimulatedStore;
  readonly #parts: ReplicaParts;
  readonly #session: SessionParts;
  readonly #all = new Map<LinkSession, Wire>();
  readonly #current = new Map<string, { readonly session: LinkSession; readonly unlisten: () => void }>();
  /** How fast its clock runs. */
  readonly #rate: number;
  #leaseUntil = Number.NEGATIVE_INFINITY;
  /** It can't reach the database until then. */
  #cutOffUntil = 0;
  #alive = true;
  #draining = false;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.endpoint = parts.endpoint;
    this.#rate = parts.chance.between(0.97, 1.03);
    this.store = new SimulatedStore({
      gatewayId: parts.id,
      tables: parts.tables,
      dbNow: parts.dbNow,
      fresh: parts.fresh,
      authority: parts.authority,
      random: parts.chance.next,
      delay: (ms) => this.#wait(ms),
      transact: (body) => this.#transact(body),
    });
    this.#session = {
      store: this.store,
      flow: this.store,
      reports: { progress: () => undefined, logs: () => undefined },
      database: { tenant: () => Promise.reject(new ConnectionLost('inventories are not simulated')) },
      logger: pino({ level: 'silent' }),
      now: () => this.#now(),
      random: parts.chance.next,
      leased: () => this.#now() < this.#leaseUntil,
      offered: (session) => this.#offered(session),
      finished: (session) => this.#finished(session),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  start(): void {
    void this.#renew().catch(() => undefined);
    this.#every(1_000, async () => {
      for (const session of this.#all.keys()) tickSession(session, this.#parts.authority.wall());
    });
    this.#every(leasePace.renewMs, () => this.#renew());
    this.#every(sweepMs, () => this.#sweepOwn());
    this.#every(sweepMs, () => this.#sweepOverdue());
  }

  take(wire: Wire, identity: PeerIdentity): void {
    const session = new LinkSession(this.#checked(wire, identity), identity, this.#session);
    this.#all.set(session, wire);
    if (this.#draining)
      session.input({ kind: 'dismissed', reason: 'DRAINING', message: 'the gateway is leaving', retryAfterMs: 1_000 });
  }

  /** The gateway's end of a wire; work that goes out long after the certificate has ended is a violation. */
  #checked({ call }: Wire, { agentId, certificateEnds }: PeerIdentity): LinkCall {
    const { authority, violation } = this.#parts;
    return {
      ...call,
      write: (message) => {
        const work = message.frame.case === 'command' || message.frame.case === 'permit';
        if (work && authority.wall() > certificateEnds.getTime() + tickedMs)
          violation(`${agentId} was given work over a session whose certificate has ended`);
        return call.write(message);
      },
    };
  }

  /** SIGKILL, or (`silent`) the end of its machine. */
  crash(silent: boolean): void {
    this.#alive = false;
    for (const [session, wire] of this.#all) {
      session.abandon();
      wire.gatewayDied(silent);
    }
    for (const { unlisten } of this.#current.values()) unlisten();
  }

  /** SIGTERM: its agents move; then it is gone. */
  async drain(): Promise<void> {
    this.#draining = true;
    const { tables, chance } = this.#parts;
    for (const session of this.#all.keys()) session.drain(Math.floor(chance.next() * 5_000), 10_000);
    for (let waited = 0; waited < 10_000 && this.#all.size > 0; waited += 250) await this.#wait(250);
    for (const session of this.#all.keys())
      session.input({ kind: 'dismissed', reason: 'DRAINING', message: 'the gateway is leaving', retryAfterMs: 0 });
    await this.#wait(500);
    await this.#transact(() => tables.putLease(this.id, Number.NEGATIVE_INFINITY)).catch(() => undefined);
    this.crash(false);
  }

  /** The database is out of its reach for `ms`. */
  cutOff(ms: number): void {
    this.#cutOffUntil = this.#parts.time.now + ms;
  }

  #now(): number {
    return this.#parts.time.now * this.#rate;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.time.after(ms / this.#rate, () => {
        // A process that is gone does not go on.
        if (this.#alive) resolve();
      });
    });
  }

  async #transact<T>(body: () => T): Promise<T> {
    const { chance, fault, tables, faulty, time } = this.#parts;
    await this.#wait(chance.between(0.2, 3));
    if (faulty() && chance.hits(0.01)) {
      fault('database slow');
      await this.#wait(chance.between(100, 25_000));
    }
    if (time.now < this.#cutOffUntil || (faulty() && chance.hits(0.01))) {
      fault('transaction refused');
      throw new ConnectionLost('no connection');
    }
    const stale = faulty() && chance.hits(0.02);
    if (stale) fault('stale read');
    const result = tables.atomically(body, stale);
    await this.#wait(chance.between(0.2, 3));
    if (faulty() && chance.hits(0.01)) {
      fault('answer of a commit lost');
      throw new ConnectionLost('the connection broke after the commit');
    }
    return result;
  }

  async #renew(): Promise<void> {
    const asked = this.#now();
    await this.#transact(() => this.#parts.tables.putLease(this.id, this.#parts.dbNow() + leasePace.lengthMs));
    this.#leaseUntil = asked + leasePace.lengthMs;
    this.#checkStandings();
  }

  #checkStandings(): void {
    const { tables } = this.#parts;
    for (const [agentId, { session }] of this.#current) {
      const [agent, row] = [tables.agent(agentId), tables.session(agentId)];
      if (agent === undefined || row === undefined) continue;
      const { certificateSerial } = session.identity;
      if (![agent.certificateSerial, agent.next?.serial].includes(certificateSerial))
        dismiss(session, 'CERTIFICATE_SUPERSEDED');
      else if (agent.standing === 'QUARANTINED') dismiss(session, 'QUARANTINED');
      else if (row.epoch > session.epoch) dismiss(session, 'SUPERSEDED');
      else if (!row.open) session.resume();
    }
  }

  async #sweepOwn(): Promise<void> {
    const online = new Map([...this.#current].filter(([, c]) => c.session.online).map(([id, c]) => [id, c.session]));
    if (online.size === 0) return;
    const { tables } = this.#parts;
    await this.#wait(this.#parts.chance.between(0.2, 3));
    const lives = tables.commands().map(({ life }) => life);
    for (const [agentId, session] of online) {
      session.reconcile(lives.filter((l) => l.agentId === agentId && l.state === 'DISPATCHED').map((l) => l.id));
      for (const id of session.held) {
        const state = tables.command(id)?.life.state;
        if (state !== undefined && isTerminal(state)) session.settled(id);
      }
      session.permitWaiting();
    }
    for (const life of lives) {
      const session = online.get(life.agentId);
      if (life.state === 'RUNNING' && life.cancelRequested) session?.cancel(life.id);
      if (life.state === 'QUEUED') session?.wake();
    }
  }

  async #sweepOverdue(): Promise<void> {
    const { tables, dbNow, bells } = this.#parts;
    const stop = await this.store.expireOverdue(expiredFailure);
    for (const { id, agentId } of stop) bells.ring(agentId, `${agentWords.stop}${id}`);
    for (const [agentId, { epoch, gatewayId, open, incarnation }] of tables.sessions())
      if (open && tables.lease(gatewayId) < dbNow() - 15_000)
        await this.store.close({ orgId: 'org', agentId, epoch, incarnation: incarnation ?? '' });
  }

  #offered(session: LinkSession): void {
    const { agentId } = session.identity;
    const older = this.#current.get(agentId);
    if (older !== undefined && older.session.epoch > session.epoch) return dismiss(session, 'SUPERSEDED');
    const unlisten = this.#parts.bells.listen(agentId, (data) => this.#rung(session, data));
    this.#current.set(agentId, { session, unlisten });
    older?.unlisten();
    if (older !== undefined) dismiss(older.session, 'SUPERSEDED');
    this.#parts.bells.ring(agentId, `${agentWords.epoch}${session.epoch}`);
  }

  #rung(session: LinkSession, data: string): void {
    if (!this.#alive) return;
    if (data.startsWith(agentWords.epoch)) {
      if (Number(data.slice(agentWords.epoch.length)) > session.epoch) dismiss(session, 'SUPERSEDED');
    } else if (data.startsWith(agentWords.stop)) session.cancel(data.slice(agentWords.stop.length));
    else session.wake();
  }

  #finished(session: LinkSession): void {
    this.#all.delete(session);
    const { agentId } = session.identity;
    const current = this.#current.get(agentId);
    if (current?.session !== session) return;
    current.unlisten();
    this.#current.delete(agentId);
  }

  /** Again and again, never twice at once. */
  #every(ms: number, work: () => Promise<void>): void {
    const round = (): void => {
      if (!this.#alive) return;
      void work()
        .catch(() => undefined)
        .then(() => this.#parts.time.after(ms / this.#rate, round));
    };
    this.#parts.time.after(this.#parts.chance.between(0, ms), round);
  }
}

const dismiss = (session: LinkSession, reason: string): void =>
  session.input({ kind: 'dismissed', reason, message: reason, retryAfterMs: 0 });

// Long, as the leases, sweeps and drains of one replica are one life cycle.
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandKeySet } from '@truffle/api/agent/v1/command';
import { newId } from '@truffle/ids';
import { bells, type Bell } from '@truffle/kit';
import { gauge, type Logger } from '@truffle/telemetry';
import type { Dialler } from '../address-rule/address-rule.door.ts';
import { notAllowed, type LetIn } from '../address-rule/address-rule.ts';
import { advance } from '../command/advance.ts';
import { expiredFailure } from '../command/command.codec.ts';
import { lockCommands, saveCommands } from '../command/command.repo.ts';
import { CommandFlow, noteOddities, tellOf } from '../command/flow.ts';
import { Reports } from '../command/reports.ts';
import { quarantineRemedy } from '../session/admission.ts';
import { deleteOldMetrics } from '../metric/metric.repo.ts';
import type { HealthNote } from '../session/kept.ts';
import { LinkSession } from '../session/link-session.ts';
import type { SessionParts } from '../session/session-parts.ts';
import { tickSession } from '../session/session-tick.ts';
import type { LinkCall } from '../session/outbox.ts';
import { leaseNow } from '../session/session.repo.ts';
import { SessionStore, type PeerIdentity } from '../session/standing.ts';
import type { GatewayDatabase } from '../tables.ts';
import { GatewayLease, leasePace } from './lease.ts';
import {
  agentsWithQueued,
  commandsToStop,
  countQuarantined,
  dispatchedTo,
  endedOf,
  orphanedSessions,
  overdueCommands,
  standings,
  touchAgents,
} from './sweep.repo.ts';

export interface GatewayParts {
  readonly database: GatewayDatabase;
  /** The cross-tenant role, with its narrow policies. */
  readonly sweepDatabase: GatewayDatabase;
  readonly bell: Bell;
  readonly logger: Logger;
  readonly endpoints: () => readonly string[];
  /** What agents are told of the keys of commands; undefined while nothing is known. */
  readonly commandKeys: () => CommandKeySet | undefined;
  /** Whether an agent's organization lets it in from where it dialled. */
  readonly letsIn: (dialler: Dialler) => LetIn;
  /** Tells orchestration how an agent found a server. */
  readonly noteHealth: (orgId: string, note: HealthNote) => Promise<void>;
  /** Told of commands that ended here. */
  readonly ended: (commandIds: readonly string[]) => void;
}

/** Words that doorbells of an agent carry; an empty one means queued commands. */
export const agentWords = { epoch: 'epoch:', revoked: 'revoked', stop: 'stop:' } as const;

const sweepMs = 5_000;
/** A revocation is in force within 5 s, though its doorbell is lost: the look itself takes a moment. */
const standingMs = 4_000;
const touchMs = 10_000;
const metricSweepMs = 60_000;
const metricBatch = 5_000;
/** Batches of one sweep: more than a minute's samples of all agents that a gateway holds. */
const metricBatches = 20;
const batchLimit = 500;
/** Milliseconds for agents to move elsewhere; where there is no elsewhere, only what is on its way is waited for. */
const drainMs = 10_000;
const aloneDrainMs = 500;

/** One gateway process: its lease, its agents' sessions, and the sweeps behind every doorbell. */
export class Gateway {
  readonly id = newId('gwy');
  readonly #parts: GatewayParts;
  readonly #lease: GatewayLease;
  readonly #reports: Reports;
  readonly #session: SessionParts;
  readonly #flow: CommandFlow;
  /** Every stream, whatever its phase. */
  readonly #all = new Set<LinkSession>();
  /** The newest stored session of each agent here, and how to stop listening for it. */
  readonly #current = new Map<string, { readonly session: LinkSession; readonly unlisten: () => void }>();
  /** Sessions that are not stored yet, and whom to tell when they are. */
  readonly #arriving = new Map<LinkSession, () => void>();
  readonly #closing = new Set<Promise<void>>();
  /** Of the whole fleet, as each gateway counts it. */
  readonly #quarantined = gauge('truffle.agents.quarantined', 'Agents in quarantine, whatever gateway they dial');
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<() => Promise<void>>();
  #draining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    const now = () => performance.now();
    this.#lease = new GatewayLease(parts.sweepDatabase, this.id, now);
    this.#reports = new Reports(parts.database, parts.bell, parts.logger);
    this.#flow = new CommandFlow({
      gatewayId: this.id,
      database: parts.database,
      bell: parts.bell,
      ended: parts.ended,
    });
    this.#session = {
      store: new SessionStore(parts.database, this.id, parts),
      flow: this.#flow,
      reports: this.#reports,
      database: parts.database,
      logger: parts.logger,
      now,
      random: Math.random,
      leased: () => this.#lease.valid,
      offered: (session) => this.#offered(session),
      finished: (session) => this.#finished(session),
    };
  }

  get ready(): boolean {
    return this.#lease.valid && !this.#draining;
  }

  async start(): Promise<void> {
    await this.#lease.renew();
    this.#every(1_000, () => this.#tick());
    this.#every(leasePace.renewMs, () => this.#renew());
    this.#every(standingMs, () => this.#checkStandings());
    this.#every(sweepMs, () => this.#sweepOwn());
    this.#every(sweepMs, () => this.#sweepOverdue());
    this.#every(touchMs, () => this.#touch());
    this.#every(metricSweepMs, () => this.#sweepMetrics());
    this.#every(touchMs, () => this.#countQuarantined());
  }

  /** Takes a new stream of an agent; `settled` is called when its session is stored, or refused. */
  take(call: LinkCall, identity: PeerIdentity, settled: () => void = () => undefined): void {
    const session = new LinkSession(call, identity, this.#session);
    this.#all.add(session);
    this.#arriving.set(session, settled);
    if (this.#draining)
      session.input({ kind: 'dismissed', reason: 'DRAINING', message: 'the gateway is leaving', retryAfterMs: 1_000 });
  }

  /** Commands were queued for an agent: tells its session, here or wherever it is. */
  wake(agentIds: Iterable<string>): void {
    for (const id of new Set(agentIds)) {
      const here = this.#current.get(id);
      if (here === undefined) this.#parts.bell.ring(bells.agent(id));
      else here.session.wake();
    }
  }

  /** Agents are to stop commands, here or wherever they are. */
  stopCommands(commands: readonly { readonly id: string; readonly agentId: string }[]): void {
    for (const { id, agentId } of commands) this.#parts.bell.ring(bells.agent(agentId), `${agentWords.stop}${id}`);
  }

  /** Allowlists of addresses have changed: who is outside now loses its session. */
  rulesChanged(): void {
    void this.#checkStandings().catch((error: unknown) => this.#failed(error));
  }

  revoked(agentId: string): void {
    this.#parts.bell.ring(bells.agent(agentId), agentWords.revoked);
  }

  /**
   * Tells the agents to move, waits until they have (10 s at most), then closes what is left. Until then the lease is kept and work goes on:
   * without it the other gateways would take the sessions here for lost.
   */
  async close(): Promise<void> {
    this.#draining = true;
    const elsewhere = await this.#lease.hasPeers().catch(() => false);
    const patience = elsewhere ? drainMs : aloneDrainMs;
    for (const session of this.#all)
      session.drain(elsewhere ? Math.floor((Math.random() * patience) / 2) : 1_000, patience);
    const until = performance.now() + patience;
    while (this.#all.size > 0 && performance.now() < until) await delay(25);
    for (const session of this.#all)
      session.input({ kind: 'dismissed', reason: 'DRAINING', message: 'the gateway is leaving', retryAfterMs: 0 });
    for (const timer of this.#timers) clearInterval(timer);
    await this.#reports.close();
    await Promise.all([...this.#closing, ...[...this.#running].map((work) => work())]);
    await this.#lease.release().catch((error: unknown) => this.#failed(error));
  }

  /** Stops at once without storing or saying anything, as a crash would: for tests and for a process that may not go on. */
  abandon(): void {
    this.#draining = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const { unlisten } of this.#current.values()) unlisten();
    for (const session of this.#all) session.abandon();
    this.#all.clear();
    this.#current.clear();
  }

  #settled(session: LinkSession): void {
    this.#arriving.get(session)?.();
    this.#arriving.delete(session);
  }

  #offered(session: LinkSession): void {
    this.#settled(session);
    const { agentId } = session.identity;
    const older = this.#current.get(agentId);
    if (older !== undefined && older.session.epoch > session.epoch) return supersede(session);
    const unlisten = this.#parts.bell.listen(bells.agent(agentId), (data) => this.#rung(session, data));
    this.#current.set(agentId, { session, unlisten });
    older?.unlisten();
    if (older !== undefined) supersede(older.session);
    this.#parts.bell.ring(bells.agent(agentId), `${agentWords.epoch}${session.epoch}`);
  }

  #rung(session: LinkSession, data: string): void {
    if (data === '') session.wake();
    else if (data === agentWords.revoked) void this.#checkStandings().catch((error: unknown) => this.#failed(error));
    else if (data.startsWith(agentWords.stop)) session.cancel(data.slice(agentWords.stop.length));
    else if (data.startsWith(agentWords.epoch) && Number(data.slice(agentWords.epoch.length)) > session.epoch)
      supersede(session);
  }

  #finished(session: LinkSession): void {
    this.#settled(session);
    this.#all.delete(session);
    const current = this.#current.get(session.identity.agentId);
    if (current?.session === session) {
      current.unlisten();
      this.#current.delete(session.identity.agentId);
    }
    const closed = session.closed;
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }

  async #tick(): Promise<void> {
    const now = Date.now();
    for (const session of this.#all) tickSession(session, now);
  }

  async #renew(): Promise<void> {
    await this.#lease.renew();
  }

  /** Revoked agents, replaced certificates and superseded sessions lose their streams, whether or not their doorbell was heard. */
  async #checkStandings(): Promise<void> {
    const ids = [...this.#current.keys()];
    if (ids.length === 0) return;
    const rows = await this.#parts.sweepDatabase.anywhere((tx) => standings(tx, ids));
    for (const row of rows) {
      const session = this.#current.get(row.id)?.session;
      if (session === undefined) continue;
      // Those whose rules are not known came in by older ones, and stay.
      if (this.#parts.letsIn(session.identity) === 'no') {
        dismiss(session, notAllowed.reason, notAllowed.message, notAllowed.retryAfterMs);
        continue;
      }
      if (row.state === 'REVOKED')
        dismiss(session, 'AGENT_REVOKED', 'this agent was revoked; enrol it anew with a new join token');
      else if (![row.certificate_serial, row.next_serial].includes(session.identity.certificateSerial))
        dismiss(session, 'CERTIFICATE_SUPERSEDED', 'a newer certificate was issued to this agent');
      else if (row.state === 'QUARANTINED') dismiss(session, 'QUARANTINED', quarantineRemedy);
      else if (Number(row.epoch) > session.epoch) supersede(session);
      else if (!row.open) session.resume();
    }
  }

  /** What a lost doorbell would have said to the sessions here: queued, to be stopped, ended otherwise. */
  async #sweepOwn(): Promise<void> {
    const sessions = new Map([...this.#current].filter(([, c]) => c.session.online).map(([id, c]) => [id, c.session]));
    if (sessions.size === 0) return;
    const ids = [...sessions.keys()];
    const held = [...sessions.values()].flatMap((session) => [...session.held]);
    const [queued, stop, ended, dispatched] = await this.#parts.sweepDatabase.anywhere(async (tx) =>
      Promise.all([agentsWithQueued(tx, ids), commandsToStop(tx, ids), endedOf(tx, held), dispatchedTo(tx, ids)]),
    );
    const sent = Map.groupBy(dispatched, (command) => command.agent_id);
    for (const [agentId, session] of sessions) {
      session.reconcile((sent.get(agentId) ?? []).map((command) => command.id));
      for (const id of session.held) if (ended.has(id)) session.settled(id);
      session.permitWaiting();
    }
    for (const { id, agent_id } of stop) sessions.get(agent_id)?.cancel(id);
    for (const id of queued) sessions.get(id)?.wake();
  }

  /** Ends what was not begun in time, gives up on runs that nobody heard of, closes sessions of gateways that are gone. */
  async #sweepOverdue(): Promise<void> {
    const { sweepDatabase, database, bell } = this.#parts;
    const [overdue, orphans] = await sweepDatabase.anywhere((tx) =>
      Promise.all([overdueCommands(tx, batchLimit), orphanedSessions(tx, batchLimit)]),
    );
    for (const [orgId, commands] of Map.groupBy(overdue, (c) => c.org_id)) {
      const changed = await database.tenant(orgId, async (tx) => {
        const locked = await lockCommands(
          tx,
          commands.map((c) => c.id),
        );
        const { now } = await leaseNow(tx, this.id);
        const moved = locked.map((before) => {
          const step = advance(
            before,
            { kind: 'expire', failure: expiredFailure },
            { now, mayBegin: false, incarnation: '', resourceBusy: true },
          );
          return { before, after: { ...before, ...step.command } };
        });
        const real = moved.filter((m) => m.before.state !== m.after.state);
        await saveCommands(
          tx,
          real.map((m) => m.after),
        );
        await noteOddities(tx, orgId, real);
        return real;
      });
      tellOf(bell, changed);
      this.#parts.ended(changed.map((c) => c.after.id));
      this.stopCommands(
        changed.filter((c) => c.after.state === 'EXPIRED' && c.before.state !== 'QUEUED').map((c) => c.after),
      );
    }
    for (const { org_id, agent_id, epoch } of orphans)
      await this.#session.store.close(
        { orgId: org_id, agentId: agent_id, epoch: Number(epoch), incarnation: '' },
        'GATEWAY_LOST',
      );
  }

  /** What was measured longer ago than it is kept goes, in portions. */
  async #sweepMetrics(): Promise<void> {
    for (let n = 0; n < metricBatches; n++) {
      const gone = await this.#parts.sweepDatabase.anywhere((tx) => deleteOldMetrics(tx, Date.now(), metricBatch));
      if (gone < metricBatch) return;
    }
  }

  async #countQuarantined(): Promise<void> {
    this.#quarantined.record(await this.#parts.sweepDatabase.anywhere(countQuarantined));
  }

  async #touch(): Promise<void> {
    const ids = [...this.#current].filter(([, c]) => c.session.online).map(([id]) => id);
    if (ids.length > 0) await this.#parts.sweepDatabase.anywhere((tx) => touchAgents(tx, ids));
  }

  /** Runs `work` again and again, never twice at once. */
  #every(ms: number, work: () => Promise<void>): void {
    let running: Promise<void> | undefined;
    this.#running.add(() => running ?? Promise.resolve());
    this.#timers.push(
      setInterval(() => {
        running ??= work()
          .catch((error: unknown) => this.#failed(error))
          .finally(() => {
            running = undefined;
          });
      }, ms),
    );
  }

  #failed(error: unknown): void {
    this.#parts.logger.warn(
      { err: error, gatewayId: this.id },
      'a sweep of the gateway failed; the next one tries again',
    );
  }
}

const dismiss = (session: LinkSession, reason: string, message: string, retryAfterMs = 0): void =>
  session.input({ kind: 'dismissed', reason, message, retryAfterMs });
const supersede = (session: LinkSession): void =>
  dismiss(session, 'SUPERSEDED', 'a newer session of this agent is open');

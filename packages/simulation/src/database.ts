import type { AgentStanding } from '../../../services/agent-gateway/src/agent/agent.ts';
import type { CommandLoad, LockedCommand } from '../../../services/agent-gateway/src/command/command.repo.ts';
import type { HolderClaim } from '../../../services/agent-gateway/src/session/admission.ts';
import { isActive, isTerminal, mayMove } from '../../../services/agent-gateway/src/command/command.ts';

/** What the tables hold of an agent. */
export interface AgentRow {
  readonly standing: AgentStanding;
  readonly certificateSerial: string;
  /** Given out, and not known to have arrived. */
  readonly next?: NextCertificate | undefined;
  /** When the last one was given out. */
  readonly issuedAt?: number | undefined;
  /** When it recovered by its identity key, without a person. */
  readonly recoveries: readonly number[];
  /** It was told that it may not recover by itself again. */
  readonly recoveryRefused?: boolean;
  /** Who came in conflict with the last session. */
  readonly other?: HolderClaim | undefined;
}

/** A certificate that is accepted beside the present one. */
export interface NextCertificate {
  readonly serial: string;
  readonly ends: number;
  readonly requestSha256: Uint8Array;
  readonly certificate: Uint8Array<ArrayBuffer>;
}

/** What the tables hold of an agent's newest session. */
export interface SessionRow {
  readonly epoch: number;
  readonly gatewayId: string;
  readonly open: boolean;
  readonly incarnation: string | null;
  readonly journalLsn: bigint;
  readonly continuity: string | null;
  readonly continuityNext: string | null;
  /** When it was last offered or confirmed. */
  readonly changedAt: number;
  /** Fingerprints of holders that a person did not choose. */
  readonly denied: readonly string[];
}

/** A command's row. */
export interface CommandRow {
  /** Order of arrival. */
  readonly n: number;
  readonly life: LockedCommand;
  readonly load: CommandLoad;
}

/** An event that people are told by. */
export interface EventRow {
  readonly name: string;
  readonly resourceId: string;
}

/** The connection failed; whether the transaction was committed is not known. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly code = 'CONNECTION_LOST';
}

/** Two transactions took the same resource: the unique index lets one of them through. */
class UniqueViolation extends Error {
  override readonly name = 'UniqueViolation';
  readonly code = 'UNIQUE_VIOLATION';
}

/**
 * Stands for PostgreSQL: rows, all-or-nothing transactions one after the other (which is what row locks in one order come to), the trigger on
 * a command's moves, its CHECKs, and the unique index on an active resource.
 */
export class Tables {
  readonly #agents = new Map<string, AgentRow>();
  readonly #sessions = new Map<string, SessionRow>();
  readonly #commands = new Map<string, CommandRow>();
  /** Gateways' leases: until when, by the database's clock. */
  readonly #leases = new Map<string, number>();
  readonly events: EventRow[] = [];
  /** The database's clock. */
  readonly #now: () => number;
  readonly #violation: (what: string) => void;
  #undo: (() => void)[] = [];
  /** This transaction's statement read the resource before another one committed. */
  #stale = false;

  constructor(now: () => number, violation: (what: string) => void) {
    this.#now = now;
    this.#violation = violation;
  }

  /** Runs a transaction: all of it or, when it throws, nothing. `stale`: what it reads of busy resources is out of date. */
  atomically<T>(body: () => T, stale: boolean): T {
    this.#undo = [];
    this.#stale = stale;
    try {
      return body();
    } catch (error) {
      for (const undo of this.#undo.toReversed()) undo();
      throw error;
    }
  }

  agent = (id: string): AgentRow | undefined => this.#agents.get(id);
  session = (agentId: string): SessionRow | undefined => this.#sessions.get(agentId);
  command = (id: string): CommandRow | undefined => this.#commands.get(id);
  lease = (gatewayId: string): number => this.#leases.get(gatewayId) ?? Number.NEGATIVE_INFINITY;
  agents = (): ReadonlyMap<string, AgentRow> => this.#agents;
  sessions = (): ReadonlyMap<string, SessionRow> => this.#sessions;
  commands = (): readonly CommandRow[] => [...this.#commands.values()];

  putAgent = (id: string, row: AgentRow): void => this.#put(this.#agents, id, row);
  putSession = (agentId: string, row: SessionRow): void => this.#put(this.#sessions, agentId, row);
  putLease = (gatewayId: string, until: number): void => this.#put(this.#leases, gatewayId, until);

  note(name: string, resourceId: string): void {
    this.events.push({ name, resourceId });
    this.#undo.push(() => void this.events.pop());
  }

  insert(load: CommandLoad, life: Omit<LockedCommand, 'resourceBusy'>): void {
    if (this.#commands.has(load.id)) return;
    this.#put(this.#commands, load.id, { n: this.#commands.size, load, life: { ...life, resourceBusy: false } });
  }

  /** Commands as a transaction locks them, with what it sees of their resources. */
  lock(which: (row: CommandRow) => boolean): LockedCommand[] {
    const rows = this.commands().filter(which);
    return rows
      .toSorted((a, b) => (a.life.id < b.life.id ? -1 : 1))
      .map(({ life }) => ({ ...life, resourceBusy: !this.#stale && this.#busy(life) }));
  }

  save(lives: readonly LockedCommand[]): void {
    for (const life of lives) {
      const row = this.#commands.get(life.id);
      if (row === undefined) continue;
      this.#check(row.life, life);
      this.#put(this.#commands, life.id, { ...row, life });
    }
    for (const life of lives)
      if (life.needsPermit && isActive(life.state) && this.#busy(life)) {
        if (!this.#stale) this.#violation(`${life.id} would be active beside another one on ${life.resourceKey}`);
        throw new UniqueViolation(life.resourceKey);
      }
  }

  #busy(life: LockedCommand): boolean {
    if (!life.needsPermit) return false;
    for (const { life: other } of this.#commands.values())
      if (other.id !== life.id && other.resourceKey === life.resourceKey && other.needsPermit && isActive(other.state))
        return true;
    return false;
  }

  #check(before: LockedCommand, after: LockedCommand): void {
    const wrong: string[] = [];
    if (before.state !== after.state && !mayMove(before.state, after.state)) wrong.push('an illegal move');
    if (isTerminal(before.state))
      for (const key of Object.keys(before) as (keyof LockedCommand)[])
        if (key !== 'lateResult' && key !== 'resourceBusy' && before[key] !== after[key])
          wrong.push(`${key} changed after the end`);
    const done = after.state === 'RUNNING' || after.state === 'SUCCEEDED' || after.state === 'UNKNOWN';
    if (after.needsPermit && done && after.permitNo !== 1) wrong.push('no permit');
    if (after.permitNo > before.permitNo && this.#now() >= before.startBy) wrong.push('a permit after its time');
    if (after.permitNo < before.permitNo || after.permitNo > 1) wrong.push('a permit that is not the one');
    if ((after.endedAt !== null) !== isTerminal(after.state)) wrong.push('an end without its time');
    if ((after.runUntil !== null) !== (after.state === 'RUNNING')) wrong.push('a run without its lease');
    for (const what of wrong) this.#violation(`${after.id}, ${before.state} to ${after.state}: ${what}`);
  }

  #put<V>(table: Map<string, V>, key: string, value: V): void {
    const [had, before] = [table.has(key), table.get(key)];
    table.set(key, value);
    this.#undo.push(() => void (had ? table.set(key, before as V) : table.delete(key)));
  }
}

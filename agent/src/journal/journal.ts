// Long, as every kind of record is one short method of the one thing that may write.
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Json, StepRecord } from '../command/effect.ts';
import { asDamage, isDamage, isFull, JournalBroken } from './broken.ts';
import { openDatabase, openFile, type JournalDatabase, type OpenDatabase } from './database.ts';
import { DeclaredServers, noteEnd, type Declaration, type Watching } from './declared.ts';
import { entryOf, type Entry, type NewEntry } from './entry.ts';
import { Numbers, releaseReserved } from './numbers.ts';
import type { Reserve } from './reserve.ts';

/** Who the agent is and how far it got. */
export interface Standing {
  /** Written once into an empty data folder. */
  readonly incarnation: string;
  /** How often a journal was opened in this folder, this time included. */
  readonly bootNo: number;
  /** Number of the newest record. */
  readonly lsn: number;
  /** Fencing number of the newest session; 0 before the first. */
  readonly epoch: number;
  /** Token to present in the next Hello; empty before the first session. */
  readonly continuity: Uint8Array;
  /** Where the last session said to dial; empty for what enrolment said. */
  readonly endpoints: readonly string[];
}

const dayMs = 24 * 3_600_000;

type Row = Record<string, SQLOutputValue>;

/** What a journal may be given beside its file. */
export interface JournalParts {
  /** The seam to the disk. */
  readonly open?: OpenDatabase;
  /** Room for the end of what has begun; without one a full disk ends the process. */
  readonly reserve?: Reserve;
}

/**
 * The agent's memory across crashes. Every method returns when what it wrote is on disk; each write is one record with a number (`lsn`).
 * A failed write is never tried again, since a second fsync may claim what the first one lost: `broken` is told, and the process must end.
 */
export class Journal {
  readonly #db: JournalDatabase;
  readonly #broken: (error: JournalBroken) => void;
  readonly #statements = new Map<string, StatementSync>();
  readonly #reserve: Reserve | undefined;
  /** Which servers are to run. */
  readonly declared = new DeclaredServers({
    all: (sql, ...values) => this.#guard(() => this.#prepare(sql).all(...values)),
    record: (write) => this.#record((lsn) => write((sql, ...values) => this.#run(sql, ...values), lsn)),
  });
  /** Which numbers VMs are being made on. */
  readonly numbers = new Numbers({
    all: (sql, ...values) => this.#guard(() => this.#prepare(sql).all(...values)),
    record: (write) => this.#record(() => write((sql, ...values) => this.#run(sql, ...values))),
  });
  #isBroken = false;
  #isOpen = false;

  /**
   * Opens or makes the journal in the file `path` and counts the boot.
   * @throws JournalDamaged; JournalBroken when it can't be used, or is of another version
   */
  constructor(path: string, broken: (error: JournalBroken) => void, { open = openFile, reserve }: JournalParts = {}) {
    this.#broken = broken;
    this.#reserve = reserve;
    this.#db = this.#guard(() => {
      try {
        return openDatabase(open, path);
      } catch (error) {
        if (!isFull(error) || reserve?.release() !== true) throw error;
        return openDatabase(open, path);
      }
    });
    this.#record(() => this.#run('UPDATE meta SET boot_no = boot_no + 1'));
    this.#isOpen = true;
  }

  standing(): Standing {
    const row = this.#get('SELECT * FROM meta') ?? {};
    return {
      incarnation: String(row['incarnation']),
      bootNo: Number(row['boot_no']),
      lsn: Number(row['lsn']),
      epoch: Number(row['epoch']),
      continuity: row['continuity'] as Uint8Array,
      endpoints: JSON.parse(String(row['endpoints'])) as string[],
    };
  }

  /** Stores what a session gave. No endpoints leave the known ones as they are. */
  storeSession(epoch: number, continuity: Uint8Array, endpoints: readonly string[]): void {
    this.#record(() => {
      this.#run('UPDATE meta SET epoch = ?, continuity = ?', epoch, continuity);
      if (endpoints.length > 0) this.#run('UPDATE meta SET endpoints = ?', JSON.stringify(endpoints));
    });
  }

  /**
   * Takes a command in and raises the fence of its resource. Without need of a permit it is at once `running`. False when only the reserve is
   * left on the disk: that is for the end of what has begun.
   */
  accept(entry: NewEntry): boolean {
    if (this.#reserve?.take() === false) return false;
    const write = (lsn: number): void => {
      this.#run(
        'INSERT INTO inbox(id, lsn, resource_key, fence, payload, payload_sha256, run_timeout_ms, needs_permit, traceparent, state, permit_no)' +
          ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)',
        entry.id,
        lsn,
        entry.resourceKey,
        entry.fence,
        entry.payload,
        entry.payloadSha256,
        entry.runTimeoutMs,
        entry.needsPermit ? 1 : 0,
        entry.traceparent,
        entry.needsPermit ? 'accepted' : 'running',
      );
      this.#run(
        'INSERT INTO fence VALUES (?, ?) ON CONFLICT(resource_key) DO UPDATE SET max = max(max, excluded.max)',
        entry.resourceKey,
        entry.fence,
      );
    };
    return this.#guard(() => this.#wrote(write));
  }

  /** Journals that the command may take effect. */
  permit(id: string, permitNo: number): void {
    this.#record(() =>
      this.#run("UPDATE inbox SET state = 'running', permit_no = ? WHERE id = ? AND state = 'accepted'", permitNo, id),
    );
  }

  /**
   * Journals a command's end, and in the same record what it declares of its server and of its health; `result` is given the number of the
   * record that will hold it. The first end stays.
   */
  end(id: string, result: (lsn: number) => Uint8Array, declares?: Declaration, watching?: Watching): void {
    this.#record((lsn) => {
      const sql = "UPDATE inbox SET state = 'ended', result = ? WHERE id = ? AND state <> 'ended'";
      const { changes } = this.#run(sql, result(lsn), id);
      if (declares === undefined || Number(changes) === 0) return;
      noteEnd((statement, ...values) => this.#run(statement, ...values), id, declares, watching);
      // A server that is up is whole: its own marks tell whose it is from now on.
      if (declares === 'runs') this.#run(releaseReserved, id);
    });
  }

  /**
   * Forgets an ended command and its steps. Alone of all writes it does not wait for the disk, since all that can be lost is that the
   * result is sent once more; and for that it is no record: a number that was told must never be taken back.
   */
  forget(id: string): void {
    this.#guard(() => {
      this.#db.exec('PRAGMA synchronous = NORMAL');
      try {
        this.#run("DELETE FROM inbox WHERE id = ? AND state = 'ended'", id);
      } catch (error) {
        if (!isFull(error)) throw error;
      }
      this.#db.exec('PRAGMA synchronous = FULL');
    });
  }

  entry(id: string): Entry | undefined {
    const row = this.#get('SELECT * FROM inbox WHERE id = ?', id);
    return row === undefined ? undefined : entryOf(row);
  }

  /** Every command in the journal, in the order of acceptance. */
  entries(): Entry[] {
    return this.#guard(() => this.#prepare('SELECT * FROM inbox ORDER BY lsn').all()).map(entryOf);
  }

  /** How many commands are in the journal. */
  size(): number {
    return Number(this.#get('SELECT count(*) AS n FROM inbox')?.['n']);
  }

  /** The highest fence seen for a resource; undefined when it was never named. */
  fence(resourceKey: string): number | undefined {
    const row = this.#get('SELECT max FROM fence WHERE resource_key = ?', resourceKey);
    return row === undefined ? undefined : Number(row['max']);
  }

  step(commandId: string, name: string): StepRecord | undefined {
    const row = this.#get('SELECT handle, observed FROM step WHERE command_id = ? AND name = ?', commandId, name);
    if (row === undefined) return undefined;
    const observed = row['observed'];
    return {
      name,
      handle: JSON.parse(String(row['handle'])) as Json,
      observed: typeof observed === 'string' ? (JSON.parse(observed) as Json) : undefined,
    };
  }

  /** How many steps a command intended. */
  stepCount(commandId: string): number {
    return Number(this.#get('SELECT count(*) AS n FROM step WHERE command_id = ?', commandId)?.['n']);
  }

  /** Journals an intent before its effect; a second one of the same name gives the first record. */
  intend(commandId: string, name: string, handle: Json): StepRecord {
    const known = this.step(commandId, name);
    if (known !== undefined) return known;
    const text = JSON.stringify(handle);
    const sql =
      'INSERT INTO step(command_id, no, name, handle) SELECT ?1, count(*) + 1, ?2, ?3 FROM step WHERE command_id = ?1';
    this.#record(() => this.#run(sql, commandId, name, text));
    return { name, handle, observed: undefined };
  }

  /** Journals what was observed after the effect. */
  observe(commandId: string, name: string, observed: Json): void {
    if (this.step(commandId, name) === undefined)
      throw new RangeError(`step ${JSON.stringify(name)} was observed without an intent`);
    const text = JSON.stringify(observed);
    this.#record(() =>
      this.#run('UPDATE step SET observed = ? WHERE command_id = ? AND name = ?', text, commandId, name),
    );
  }

  /** The secret of this cluster and name; made by `make` at the first call and the same ever after. */
  generatedSecret(clusterId: string, name: string, make: () => string): string {
    const known = this.#get('SELECT value FROM secret WHERE cluster_id = ? AND name = ?', clusterId, name);
    if (known !== undefined) return String(known['value']);
    const value = make();
    this.#record(() => this.#run('INSERT INTO secret VALUES (?, ?, ?)', clusterId, name, value));
    return value;
  }

  /** The commands that began to delete after `since` (milliseconds since 1970). */
  deletionsSince(since: number): readonly string[] {
    const sql = 'SELECT command_id FROM deletion WHERE at > ?';
    return this.#guard(() => this.#prepare(sql).all(since)).map((row) => String(row['command_id']));
  }

  /** Journals that a command begins to delete at `at`; the first time stays. What is older than a day is dropped. */
  noteDeletion(commandId: string, at: number): void {
    this.#record(() => {
      this.#run('INSERT OR IGNORE INTO deletion VALUES (?, ?)', commandId, Math.round(at));
      this.#run('DELETE FROM deletion WHERE at < ?', Math.round(at) - dayMs);
    });
  }

  /** Raises the highest version seen of a sealed secret. @returns the highest that was seen before; 0 for none */
  seeSealedVersion(secretId: string, version: number): number {
    const before = Number(this.#get('SELECT max FROM sealed_version WHERE secret_id = ?', secretId)?.['max'] ?? 0);
    const sql = 'INSERT INTO sealed_version VALUES (?, ?) ON CONFLICT(secret_id) DO UPDATE SET max = excluded.max';
    if (version > before) this.#record(() => this.#run(sql, secretId, version));
    return before;
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  /** One record: one transaction that also counts the number up. */
  #record(write: (lsn: number) => unknown): void {
    this.#guard(() => {
      if (this.#wrote(write)) return;
      this.#reserve?.release();
      // What the log holds goes into the database, and its room is used again.
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      this.#transact(write);
    });
  }

  /** False when there was no room: then nothing was written, and with a reserve that is no reason to end. */
  #wrote(write: (lsn: number) => unknown): boolean {
    try {
      this.#transact(write);
      return true;
    } catch (error) {
      if (!isFull(error) || this.#reserve === undefined) throw error;
      this.#rollBack();
      return false;
    }
  }

  #transact(write: (lsn: number) => unknown): void {
    this.#db.exec('BEGIN IMMEDIATE');
    const lsn = Number(this.#prepare('UPDATE meta SET lsn = lsn + 1 RETURNING lsn').get()?.['lsn']);
    write(lsn);
    this.#db.exec('COMMIT');
  }

  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself.
    }
  }

  #guard<T>(act: () => T): T {
    if (this.#isBroken) throw new JournalBroken('the journal failed before; this process must end');
    try {
      return act();
    } catch (cause) {
      this.#isBroken = true;
      // Damage that opening finds is told by the throw alone; whatever happens later ends the process, and the next start finds it.
      if (isDamage(cause) && !this.#isOpen) throw asDamage(cause);
      const error =
        cause instanceof JournalBroken ? cause : new JournalBroken('the journal can not be used', { cause });
      this.#broken(error);
      throw error;
    }
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values));
  }

  #run(sql: string, ...values: SQLInputValue[]): { changes: number | bigint } {
    return this.#prepare(sql).run(...values);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}

import { DatabaseSync } from 'node:sqlite';
import { holderFingerprint } from '@truffle/sealing';
import { sha256, type IdentityDisk } from './identity.ts';
import type { JournalDatabase } from '../../../agent/src/journal/database.ts';

/** Where a process may die: before a record is begun, or right after it is on disk. */
export type CrashPoint = 'before a record' | 'after a record';

export interface DiskFaults {
  /** Throws to let the process die here. */
  readonly at: (point: CrashPoint) => void;
  /** Whether the disk takes nothing more. */
  readonly full: () => boolean;
}

/** A data folder: SQLite in memory that outlives the processes that work on it, unlike what they had not committed. */
export class Folder {
  #db = new DatabaseSync(':memory:');
  /** What a power cut may bring back: the state before the first write that did not wait for the disk. */
  #durable: Uint8Array | undefined;
  #waits = true;
  readonly identity: IdentityDisk;

  constructor(identity: IdentityDisk) {
    this.identity = identity;
  }

  /** A copy, as a backup or a cloned machine has it. */
  copy(): Folder {
    const copy = new Folder(this.identity.copy());
    this.rollBack();
    copy.#db.deserialize(this.#db.serialize());
    return copy;
  }

  /** What `truffle-agent status` calls its holder; undefined before it has run. */
  holder(): string | undefined {
    try {
      const meta = this.#db.prepare('SELECT incarnation, continuity FROM meta').get();
      if (meta === undefined) return undefined;
      const token = meta['continuity'] instanceof Uint8Array ? meta['continuity'] : new Uint8Array();
      return holderFingerprint(String(meta['incarnation']), token.length === 0 ? token : sha256(token));
    } catch {
      return undefined;
    }
  }

  /** What was not committed is gone. */
  rollBack(): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch {
      // There was no transaction.
    }
  }

  /** The power is cut: so is what did not wait for the disk, as far as the disk pleases. */
  loseUnsynced(): boolean {
    this.rollBack();
    this.#waits = true;
    if (this.#durable === undefined) return false;
    const db = new DatabaseSync(':memory:');
    db.deserialize(this.#durable);
    this.#db = db;
    this.#durable = undefined;
    return true;
  }

  /** Opens it for one process. */
  open(faults: DiskFaults): JournalDatabase {
    return {
      exec: (sql) => {
        if (sql.startsWith('BEGIN IMMEDIATE')) faults.at('before a record');
        if (sql === 'COMMIT' && faults.full()) throw new Error('database or disk is full');
        if (sql.includes('synchronous = FULL')) this.#waits = true;
        else if (sql.includes('synchronous = ')) {
          this.#waits = false;
          this.#durable ??= this.#db.serialize();
        }
        this.#db.exec(sql);
        if (sql !== 'COMMIT') return;
        if (this.#waits) this.#durable = undefined;
        faults.at('after a record');
      },
      prepare: (sql) => this.#db.prepare(sql),
      close: () => undefined,
    };
  }

  close(): void {
    this.#db.close();
  }
}

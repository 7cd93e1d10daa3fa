import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/**
 * A file for what waits for a gateway and is worth less than a start: apart from the journal, it waits for no disk and may lose what it holds;
 * a disk that refuses costs what was to be written, never a command.
 */
export class SpoolFile {
  readonly db: DatabaseSync;

  /** Opens it with these tables; one that can't be read is begun anew. */
  constructor(path: string, tables: string) {
    const open = (): DatabaseSync => {
      const db = new DatabaseSync(path, { timeout: 0 });
      db.exec(`PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; ${tables}`);
      return db;
    };
    try {
      this.db = open();
    } catch {
      rmSync(path, { force: true });
      this.db = open();
    }
  }

  /** Does all of it or nothing; false when the disk refuses that. */
  write(act: () => void): boolean {
    try {
      this.db.exec('BEGIN');
      act();
      this.db.exec('COMMIT');
      return true;
    } catch {
      if (this.db.isOpen && this.db.isTransaction) this.db.exec('ROLLBACK');
      return false;
    }
  }

  close(): void {
    this.db.close();
  }
}

import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { JournalBroken } from './broken.ts';
import { additions, schema, schemaVersion } from './schema.ts';
import { verify } from './verify.ts';

/** What the journal needs of SQLite. */
export type JournalDatabase = Pick<DatabaseSync, 'exec' | 'prepare' | 'close'>;
/** The seam to the disk. */
export type OpenDatabase = (path: string) => JournalDatabase;

/** Opens the file. */
export const openFile: OpenDatabase = (path) => new DatabaseSync(path, { timeout: 0 });

/** The database in `path`, with its tables, looked through. @throws JournalDamaged, JournalBroken */
export function openDatabase(open: OpenDatabase, path: string): JournalDatabase {
  const db = open(path);
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version === 0) {
      db.exec(`BEGIN IMMEDIATE; ${schema}`);
      db.prepare("INSERT INTO meta VALUES (1, ?, 0, 0, 0, x'', '[]')").run(randomUUID());
      db.exec('COMMIT');
    } else if (version !== schemaVersion) {
      throw new JournalBroken(`the journal has version ${version}; this program knows version ${schemaVersion}`);
    }
    db.exec(additions);
    verify(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

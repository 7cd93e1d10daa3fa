import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another process owns the data folder. Two agents on one journal would each believe that they alone act. */
export class DataFolderLocked extends Error {
  override readonly name = 'DataFolderLocked';
  readonly code = 'DATA_FOLDER_LOCKED';
}

/** What the process holds while it owns a data folder. */
export interface DataFolderLock {
  /** Lets the folder go; the operating system does so too when the process dies. */
  release(): void;
}

const sqliteBusy = 5;

/**
 * Takes the data folder for this process. Node has no flock: an open exclusive transaction on a database of its own is
 * a lock of the operating system too, and ends with the process.
 * @throws DataFolderLocked when another process has it
 */
export function lockDataFolder(folder: string): DataFolderLock {
  const db = new DatabaseSync(join(folder, 'lock.db'), { timeout: 0 });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy)
      throw new DataFolderLocked(`another process works with ${folder}`, { cause: error });
    throw error;
  }
  return { release: () => db.close() };
}

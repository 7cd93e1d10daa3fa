import { DatabaseSync } from 'node:sqlite';
import { until } from './deadline.ts';

/** A lock that the kernel takes back when its holder dies, so that it is never stale. */
export interface Lock {
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Takes the lock that `path` names, or answers undefined when another process (or another holder in this one) has it. It is an exclusive
 * transaction on an empty SQLite file: the one way to an operating-system file lock that Node has without a native module.
 */
export function tryLock(path: string): Lock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return { release: () => database.isOpen && database.close() };
}

/** Waits for the lock; `onWait` is called once if somebody else has it. @throws DeadlineError */
export async function waitForLock(path: string, milliseconds: number, onWait: () => void): Promise<Lock> {
  const free = tryLock(path);
  if (free !== undefined) return free;
  onWait();
  return until({ what: `waiting for the lock ${path}`, milliseconds, every: 200 }, () => tryLock(path));
}

import { DatabaseSync } from 'node:sqlite';
import { pause } from '../program/pause.ts';

/** A build that waits for another one to end waits this long. */
const buildMs = 20 * 60_000;

/** Waits for the lock of a product that is being built, by whichever process. The kernel takes it back when its holder dies. */
export async function waitForLock(path: string, signal: AbortSignal | undefined): Promise<{ release(): void }> {
  const since = performance.now();
  for (;;) {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
      return { release: () => database.close() };
    } catch (error) {
      database.close();
      if (performance.now() - since > buildMs) throw error;
    }
    await pause(250, signal);
  }
}

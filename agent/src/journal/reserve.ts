import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What the journal keeps back for the end of what has begun, in bytes. */
export const reserveBytes = 64 * 1024 * 1024;
const chunk = Buffer.alloc(256 * 1024);

/**
 * Room on the disk that is taken in advance, so that commands which have begun can be finished and recorded on a disk that others filled.
 * It is given up only for that, and taken again once there is twice as much room.
 */
export class Reserve {
  readonly #path: string;
  readonly #folder: string;
  readonly #bytes: number;
  #held = false;

  constructor(folder: string, bytes: number = reserveBytes) {
    this.#folder = folder;
    this.#path = join(folder, 'reserve');
    this.#bytes = bytes;
    this.take();
  }

  /** Whether the room is kept back. Without it nothing new may be begun. */
  get held(): boolean {
    return this.#held;
  }

  /** Gives the room up; false when that was done before. */
  release(): boolean {
    if (!existsSync(this.#path)) return false;
    rmSync(this.#path, { force: true });
    this.#held = false;
    return true;
  }

  /** Takes the room again where there is enough; answers whether it is held. */
  take(): boolean {
    if (this.#held) return true;
    const { bavail, bsize } = statfsSync(this.#folder);
    const there = existsSync(this.#path) && statSync(this.#path).size === this.#bytes;
    if (!there && bavail * bsize < 2 * this.#bytes) return false;
    this.#held = there || this.#write();
    return this.#held;
  }

  /** Zeros, written and synced: a hole in a file keeps no room back. */
  #write(): boolean {
    const file = openSync(this.#path, 'w', 0o600);
    try {
      for (let left = this.#bytes; left > 0; left -= chunk.length)
        writeSync(file, chunk, 0, Math.min(left, chunk.length));
      fsyncSync(file);
      return true;
    } catch {
      rmSync(this.#path, { force: true });
      return false;
    } finally {
      closeSync(file);
    }
  }
}

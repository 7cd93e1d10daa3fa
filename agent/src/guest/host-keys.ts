import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const fileName = 'guest_host_keys';

/** Host keys of the servers, pinned when they are first known; by server id, as addresses are given to others later. */
export class HostKeys {
  readonly #path: string;
  readonly #known: Map<string, string>;
  /** Lines that a full disk refused. */
  #waiting = '';

  constructor(dataDir: string) {
    this.#path = join(dataDir, fileName);
    this.#known = new Map(readLines(this.#path));
  }

  /** Whether the server has a key that is pinned. */
  knows(serverId: string): boolean {
    return this.#known.has(serverId);
  }

  /** Whether the key is the server's; the first one that is seen becomes it. */
  accepts(serverId: string, sha256: string): boolean {
    const known = this.#known.get(serverId);
    if (known !== undefined && known !== '') return known === sha256;
    this.#write(serverId, sha256);
    return true;
  }

  /** Forgets a server that is gone. */
  forget(serverId: string): void {
    if (this.#known.has(serverId)) this.#write(serverId, '');
  }

  #write(serverId: string, sha256: string): void {
    if (sha256 === '') this.#known.delete(serverId);
    else this.#known.set(serverId, sha256);
    // A line that was cut off does not run into the next one: empty lines are passed over.
    if (this.#waiting !== '') this.#waiting = `\n${this.#waiting.trimStart()}`;
    this.#waiting += `${serverId} ${sha256}\n`;
    try {
      appendFileSync(this.#path, this.#waiting, { mode: 0o600, flush: true });
      this.#waiting = '';
    } catch (error) {
      // What has begun is finished on a full disk too: the key holds in this process, and is written with the next one.
      if (!isFull(error)) throw error;
    }
  }
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');

/** Later lines win; a line without a key forgets. */
function readLines(path: string): readonly (readonly [string, string])[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  // What follows the last line end was cut off by a full disk or a crash.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').map((line) => line.split(' '));
  return lines.flatMap(([id, key]) => (id === undefined || id === '' || key === undefined ? [] : [[id, key] as const]));
}

import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const fileName = 'guest_host_keys';

/** Host keys of the servers, pinned at first use; by server id, as addresses are given to others later. */
export class HostKeys {
  readonly #path: string;
  readonly #known: Map<string, string>;

  constructor(dataDir: string) {
    this.#path = join(dataDir, fileName);
    this.#known = new Map(readLines(this.#path));
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
    appendFileSync(this.#path, `${serverId} ${sha256}\n`, { mode: 0o600, flush: true });
    if (sha256 === '') this.#known.delete(serverId);
    else this.#known.set(serverId, sha256);
  }
}

/** Later lines win; a line without a key forgets. */
function readLines(path: string): readonly (readonly [string, string])[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  const lines = text.split('\n').map((line) => line.split(' '));
  return lines.flatMap(([id, key]) => (id === undefined || id === '' || key === undefined ? [] : [[id, key] as const]));
}

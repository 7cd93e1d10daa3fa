import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';

/** A server as it was last asked for, successfully: it is to run until a newer intent says otherwise. */
export interface Declared {
  readonly resourceKey: string;
  readonly fence: number;
  /** `CommandPayload` of the EnsureServer. */
  readonly payload: Uint8Array;
}

/** What was done to keep a server as declared. */
export interface KeptRecord {
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly resourceKey: string;
  readonly serverId: string;
  readonly outcome: 'started' | 'failed' | 'left';
  readonly detail: string;
}

/**
 * What the end of a command says of its server: `runs` that it is to run as this payload has it, `stays` that nothing about that changed,
 * `rests` that it is to stand still until one `starts` it, `ends` that it is to run no more.
 */
export type Declaration = 'runs' | 'stays' | 'rests' | 'starts' | 'ends';

/** The fence of a server that rests: lower than any, so that it does not stand. */
const resting = -1;

/** Statements that note a declaration in the record of its command's end. Each takes the command's id. */
export const declare: Readonly<Record<Declaration, string>> = {
  runs:
    'INSERT INTO declared SELECT resource_key, fence, payload FROM inbox WHERE id = ?' +
    ' ON CONFLICT(resource_key) DO UPDATE SET fence = excluded.fence, payload = excluded.payload WHERE excluded.fence >= fence',
  stays:
    'UPDATE declared SET fence = max(declared.fence, inbox.fence) FROM inbox WHERE inbox.id = ? AND inbox.resource_key = declared.resource_key' +
    ` AND declared.fence > ${resting}`,
  rests:
    `UPDATE declared SET fence = ${resting} FROM inbox WHERE inbox.id = ? AND inbox.resource_key = declared.resource_key` +
    ' AND declared.fence <= inbox.fence',
  starts:
    'UPDATE declared SET fence = inbox.fence FROM inbox WHERE inbox.id = ? AND inbox.resource_key = declared.resource_key' +
    ' AND declared.fence <= inbox.fence',
  ends: 'DELETE FROM declared WHERE (resource_key, fence) IN (SELECT d.resource_key, d.fence FROM declared d JOIN inbox i USING (resource_key) WHERE i.id = ? AND d.fence <= i.fence)',
};

/** Records that wait to be told; the oldest go when there are more. */
const mostKept = 1_000;

interface Access {
  readonly all: (sql: string, ...values: SQLInputValue[]) => Record<string, SQLOutputValue>[];
  /** One record: its number is told to the write. */
  readonly record: (write: (run: (sql: string, ...values: SQLInputValue[]) => unknown, lsn: number) => void) => void;
}

/** The part of the journal that says which servers are to run, and what was done for that without a gateway. */
export class DeclaredServers {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /** Servers that no newer intent is known for and no command waits or works on. */
  standing(): Declared[] {
    const rows = this.#access.all(
      'SELECT d.resource_key, d.fence, d.payload FROM declared d JOIN fence f USING (resource_key) WHERE f.max = d.fence' +
        " AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.resource_key = d.resource_key AND i.state <> 'ended') ORDER BY d.resource_key",
    );
    return rows.map((row) => ({
      resourceKey: String(row['resource_key']),
      fence: Number(row['fence']),
      payload: row['payload'] as Uint8Array,
    }));
  }

  note({ at, resourceKey, serverId, outcome, detail }: Omit<KeptRecord, 'n'>): void {
    this.#access.record((run, lsn) => {
      run('INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?)', lsn, at, resourceKey, serverId, outcome, detail);
      run('DELETE FROM kept WHERE n <= (SELECT n FROM kept ORDER BY n DESC LIMIT 1 OFFSET ?)', mostKept);
    });
  }

  /** What is still to be told, oldest first. */
  notes(): KeptRecord[] {
    return this.#access.all('SELECT * FROM kept ORDER BY n').map((row) => ({
      n: Number(row['n']),
      at: Number(row['at']),
      resourceKey: String(row['resource_key']),
      serverId: String(row['server_id']),
      outcome: String(row['outcome']) as KeptRecord['outcome'],
      detail: String(row['detail']),
    }));
  }

  /** The gateway has noted it. */
  told(n: number): void {
    this.#access.record((run) => run('DELETE FROM kept WHERE n = ?', n));
  }
}

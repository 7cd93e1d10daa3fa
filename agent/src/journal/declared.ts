import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { RenderedHealth, RenderedRemedy } from '@truffle/template-language';

/** A server as it was last asked for, successfully: it is to run until a newer intent says otherwise. */
export interface Declared {
  readonly resourceKey: string;
  readonly fence: number;
  /** `CommandPayload` of the EnsureServer. */
  readonly payload: Uint8Array;
}

/** A health check with a remedy, as a deployment that succeeded left it. */
export interface Watch {
  readonly deployment: string;
  /** Where the server was reached. */
  readonly address: string;
  readonly health: RenderedHealth & { readonly remedy: RenderedRemedy };
}

/** A declared server whose health is watched. */
export interface WatchedServer extends Declared {
  readonly watches: readonly Watch[];
}

/** What was done to keep a server as declared. */
export interface KeptRecord {
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly resourceKey: string;
  readonly serverId: string;
  readonly outcome: 'started' | 'failed' | 'left' | 'remedied' | 'remedy-failed' | 'unhealthy' | 'healthy';
  readonly detail: string;
}

/**
 * What the end of a command says of its server: `runs` that it is to run as this payload has it, `stays` that nothing about that changed,
 * `rests` that it is to stand still until one `starts` it, `ends` that it is to run no more.
 */
export type Declaration = 'runs' | 'stays' | 'rests' | 'starts' | 'ends';

/** The fence of a server that rests: lower than any, so that it does not stand. */
const resting = -1;

/** What a deployment that ended says of its server's health: to be watched from now on, or not any more. */
export interface Watching {
  readonly deployment: string;
  readonly watch: Watch | undefined;
}

type Run = (sql: string, ...values: SQLInputValue[]) => unknown;

/** Notes what the end of a command says of its server, in the record of that end. A remedy that did not help before may help after it. */
export function noteEnd(run: Run, id: string, declares: Declaration, watching: Watching | undefined): void {
  const its = '(SELECT resource_key FROM inbox WHERE id = ?)';
  run(declare[declares], id);
  run(
    `UPDATE remedying SET state = json_set(state, '$.tries', 0, '$.nextAt', 0, '$.left', '') WHERE resource_key = ${its}`,
    id,
  );
  if (declares === 'ends')
    for (const table of ['watched', 'remedying'])
      run(`DELETE FROM ${table} WHERE resource_key NOT IN (SELECT resource_key FROM declared)`);
  if (watching === undefined) return;
  const { deployment, watch } = watching;
  run(`DELETE FROM watched WHERE resource_key = ${its} AND deployment = ?`, id, deployment);
  if (watch !== undefined)
    run('INSERT INTO watched SELECT resource_key, ?, ? FROM inbox WHERE id = ?', deployment, JSON.stringify(watch), id);
}

/** Statements that note a declaration in the record of its command's end. Each takes the command's id. */
const declare: Readonly<Record<Declaration, string>> = {
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
  readonly record: (write: (run: Run, lsn: number) => void) => void;
}

/** The part of the journal that says which servers are to run, and what was done for that without a gateway. */
export class DeclaredServers {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /** Every server that was asked for and is not gone, at rest or not. */
  all(): Pick<Declared, 'payload'>[] {
    return this.#access
      .all('SELECT payload FROM declared ORDER BY resource_key')
      .map((row) => ({ payload: row['payload'] as Uint8Array }));
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

  /** Standing servers whose health is watched. */
  watched(): WatchedServer[] {
    const rows = this.#access.all('SELECT resource_key, watch FROM watched ORDER BY resource_key, deployment');
    if (rows.length === 0) return [];
    const watches = Map.groupBy(rows, (row) => String(row['resource_key']));
    return this.standing().flatMap((server) => {
      const its = watches.get(server.resourceKey) ?? [];
      if (its.length === 0) return [];
      return [{ ...server, watches: its.map((row) => JSON.parse(String(row['watch'])) as Watch) }];
    });
  }

  /** What is remembered of the remedies of each server. */
  remedying(): { readonly resourceKey: string; readonly serverId: string; readonly state: string }[] {
    return this.#access.all('SELECT * FROM remedying').map((row) => ({
      resourceKey: String(row['resource_key']),
      serverId: String(row['server_id']),
      state: String(row['state']),
    }));
  }

  /** Remembers that, and in the same record what is to be told of it. */
  remember(
    { resourceKey, serverId }: Pick<KeptRecord, 'resourceKey' | 'serverId'>,
    state: string,
    note?: Pick<KeptRecord, 'at' | 'outcome' | 'detail'>,
  ): void {
    this.#access.record((run, lsn) => {
      run(
        'INSERT INTO remedying VALUES (?, ?, ?) ON CONFLICT(resource_key) DO UPDATE SET server_id = excluded.server_id, state = excluded.state',
        resourceKey,
        serverId,
        state,
      );
      if (note !== undefined) insertNote(run, lsn, { ...note, resourceKey, serverId });
    });
  }

  note(note: Omit<KeptRecord, 'n'>): void {
    this.#access.record((run, lsn) => insertNote(run, lsn, note));
  }

  /** What is still to be told, oldest first; above the number `after` only. */
  notes(after = 0): KeptRecord[] {
    return this.#access.all('SELECT * FROM kept WHERE n > ? ORDER BY n', after).map((row) => ({
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

function insertNote(
  run: Run,
  lsn: number,
  { at, resourceKey, serverId, outcome, detail }: Omit<KeptRecord, 'n'>,
): void {
  run('INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?)', lsn, at, resourceKey, serverId, outcome, detail);
  run('DELETE FROM kept WHERE n <= (SELECT n FROM kept ORDER BY n DESC LIMIT 1 OFFSET ?)', mostKept);
}

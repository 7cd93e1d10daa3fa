import type { DatabaseSync } from 'node:sqlite';
import { SpoolFile } from '../spool/spool-file.ts';
import type { LogLine } from './log-buffer.ts';

/** Bounds in characters, lines' overhead included. */
export interface SpoolLimits {
  /** Of one command: half from its beginning, half from its end. */
  readonly perCommand: number;
  readonly inAll: number;
}

export const spoolLimits: SpoolLimits = { perCommand: 16 * 1024 * 1024, inAll: 256 * 1024 * 1024 };

/** What a line costs beside its text. */
const lineCost = 64;
const costOf = (line: { readonly text: string }): number => line.text.length + lineCost;

const tables = `
CREATE TABLE IF NOT EXISTS line(command_id TEXT, n INTEGER, wall INTEGER, stream TEXT, text TEXT, PRIMARY KEY (command_id, n)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap(command_id TEXT PRIMARY KEY, lines INTEGER, first INTEGER, last INTEGER, wall INTEGER) STRICT;
`;

interface Held {
  cost: number;
  /** Number of the last line of the half that is kept from the beginning; undefined while that half is not full. */
  headEnd: number | undefined;
}

/** Lines that wait for a gateway, on disk: bounded for each command and in all; what is left out is one line that says how much and which. */
export class LogSpool {
  readonly #file: SpoolFile;
  readonly #db: DatabaseSync;
  readonly #limits: SpoolLimits;
  /** By command, the one that has waited longest first. */
  readonly #held = new Map<string, Held>();

  /** Opens the spool in the file `path`; one that can't be read is begun anew. */
  constructor(path: string, limits: SpoolLimits = spoolLimits) {
    this.#limits = limits;
    this.#file = new SpoolFile(path, tables);
    this.#db = this.#file.db;
    const rows = this.#db.prepare(
      'SELECT command_id, sum(length(text) + ?) AS cost FROM line GROUP BY command_id ORDER BY min(n)',
    );
    for (const row of rows.all(lineCost))
      this.#held.set(String(row['command_id']), { cost: Number(row['cost']), headEnd: undefined });
    for (const row of this.#db.prepare('SELECT command_id, first FROM gap').all()) {
      const held = this.#heldOf(String(row['command_id']));
      held.headEnd = Number(row['first']) - 1;
    }
  }

  /** Commands of which lines wait. */
  get commands(): Iterable<string> {
    return this.#held.keys();
  }

  /** Takes lines in; false when the disk refuses them. */
  append(id: string, lines: readonly LogLine[]): boolean {
    return this.#file.write(() => {
      const insert = this.#db.prepare('INSERT OR REPLACE INTO line VALUES (?, ?, ?, ?, ?)');
      const held = this.#heldOf(id);
      for (const { n, wall, stream, text } of lines) {
        insert.run(id, n, wall, stream, text);
        held.cost += costOf({ text });
        if (held.cost <= this.#limits.perCommand / 2) continue;
        held.headEnd ??= n;
      }
      if (held.cost > this.#limits.perCommand) this.#cut(id, held, this.#limits.perCommand);
      this.#bound(id);
    });
  }

  /** Takes the oldest lines of a command out, up to `limit` characters and at least one. */
  take(id: string, limit: number): LogLine[] {
    const held = this.#held.get(id);
    if (held === undefined) return [];
    const lines: LogLine[] = [];
    let room = limit;
    for (const line of this.#waiting(id)) {
      room -= costOf(line);
      if (room < 0 && lines.length > 0) break;
      lines.push(line);
    }
    const last = lines.at(-1);
    if (last === undefined || !this.#removed(id, held, lines, last.n)) this.drop(id);
    return lines;
  }

  /** False when the disk refuses that; the lines are then never given again by this process. */
  #removed(id: string, held: Held, lines: readonly LogLine[], upTo: number): boolean {
    const removed = this.#file.write(() => {
      this.#db.prepare('DELETE FROM line WHERE command_id = ? AND n <= ?').run(id, upTo);
      this.#db.prepare('DELETE FROM gap WHERE command_id = ? AND last <= ?').run(id, upTo);
    });
    if (removed) held.cost -= lines.reduce((sum, line) => sum + costOf(line), 0);
    return removed;
  }

  /** Forgets a command's lines. */
  drop(id: string): void {
    if (!this.#held.delete(id)) return;
    // What stays on a disk that refuses is told once more by the next process.
    this.#file.write(() => {
      for (const table of ['line', 'gap']) this.#db.prepare(`DELETE FROM ${table} WHERE command_id = ?`).run(id);
    });
  }

  close(): void {
    this.#file.close();
  }

  #heldOf(id: string): Held {
    let held = this.#held.get(id);
    if (held === undefined) this.#held.set(id, (held = { cost: 0, headEnd: undefined }));
    return held;
  }

  /** Lines and the gap among them, in order. */
  *#waiting(id: string): Generator<LogLine> {
    const gap = this.#db.prepare('SELECT * FROM gap WHERE command_id = ?').get(id);
    let open = gap !== undefined;
    const lines = this.#db.prepare('SELECT n, wall, stream, text FROM line WHERE command_id = ? ORDER BY n');
    const gapLine = (): LogLine => ({
      n: Number(gap?.['last']),
      wall: Number(gap?.['wall']),
      stream: 'agent',
      text: `[gap: ${String(gap?.['lines'])} lines left out, ${String(gap?.['first'])} to ${String(gap?.['last'])}]`,
    });
    for (const row of lines.iterate(id)) {
      if (open && Number(row['n']) > Number(gap?.['last'])) {
        open = false;
        yield gapLine();
      }
      yield {
        n: Number(row['n']),
        wall: Number(row['wall']),
        stream: String(row['stream']) as LogLine['stream'],
        text: String(row['text']),
      };
    }
    if (open) yield gapLine();
  }

  /** Leaves lines out, oldest first after the half that is kept from the beginning, until no more than `limit` is held. */
  #cut(id: string, held: Held, limit: number): void {
    const from = held.headEnd ?? -1;
    const rows = this.#db.prepare(
      'SELECT n, wall, length(text) AS size FROM line WHERE command_id = ? AND n > ? ORDER BY n',
    );
    let [count, first, last, wall] = [0, 0, 0, 0];
    for (const row of rows.iterate(id, from)) {
      if (held.cost <= limit) break;
      held.cost -= Number(row['size']) + lineCost;
      if (count++ === 0) first = Number(row['n']);
      last = Number(row['n']);
      wall = Number(row['wall']);
    }
    if (count === 0) return;
    this.#db.prepare('DELETE FROM line WHERE command_id = ? AND n BETWEEN ? AND ?').run(id, first, last);
    this.#db
      .prepare(
        'INSERT INTO gap VALUES (?, ?, ?, ?, ?) ON CONFLICT(command_id) DO UPDATE SET' +
          ' lines = lines + excluded.lines, first = min(first, excluded.first), last = max(last, excluded.last), wall = excluded.wall',
      )
      .run(id, count, first, last, wall);
  }

  /** Keeps the sum bounded: the commands that have waited longest lose their lines first. */
  #bound(current: string): void {
    let total = 0;
    for (const { cost } of this.#held.values()) total += cost;
    for (const [id, held] of this.#held) {
      if (total <= this.#limits.inAll) return;
      if (id === current && this.#held.size > 1) continue;
      total -= held.cost;
      held.headEnd = undefined;
      this.#cut(id, held, Math.max(0, this.#limits.inAll - total));
      total += held.cost;
    }
  }
}

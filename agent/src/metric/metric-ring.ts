import { SpoolFile } from '../spool/spool-file.ts';

/** Rounds that were dropped: how many, and when the first and the last were measured (milliseconds since 1970). */
export interface Gap {
  readonly n: number;
  readonly from: number;
  readonly to: number;
}

/** What is to be told next, oldest first. */
export interface Waiting {
  /** Number of the last round of these; 0 for none. */
  readonly upTo: number;
  readonly rounds: readonly Uint8Array[];
  readonly gaps: readonly Gap[];
}

const defaultLimit = 64 * 1024 * 1024;
/** What a round costs beside its bytes. */
const roundCost = 64;
/** Gaps that wait; beyond it the newest two become one. */
const mostGaps = 100;

const tables = `
CREATE TABLE IF NOT EXISTS round(n INTEGER PRIMARY KEY, wall INTEGER, body BLOB) STRICT;
CREATE TABLE IF NOT EXISTS gap(first INTEGER PRIMARY KEY, last INTEGER, n INTEGER) STRICT;
`;

/** Rounds of samples that wait for a gateway, in a ring on disk: the oldest are dropped, and what was dropped is told as a gap. */
export class MetricRing {
  readonly #file: SpoolFile;
  readonly #limit: number;
  #cost: number;
  /** Rounds that the disk refused. */
  #lost: Gap | undefined;

  /** Opens the ring in the file `path`; one that can't be read is begun anew. @param limit bytes, rounds' overhead included */
  constructor(path: string, limit = defaultLimit) {
    this.#limit = limit;
    this.#file = new SpoolFile(path, tables);
    this.#cost = this.#sum();
  }

  /** Takes in a round of the moment `wall`. One that the disk refuses is a gap, noted once the disk takes anything again. */
  push(wall: number, body: Uint8Array): void {
    const [lost, cost] = [this.#lost, this.#cost];
    const taken = this.#file.write(() => {
      if (lost !== undefined) this.#note(lost);
      this.#file.db.prepare('INSERT INTO round(wall, body) VALUES (?, ?)').run(wall, body);
      this.#cost += body.length + roundCost;
      this.#bound();
    });
    this.#lost = taken ? undefined : { n: (lost?.n ?? 0) + 1, from: lost?.from ?? wall, to: wall };
    if (!taken) this.#cost = cost;
  }

  /** The oldest rounds, up to `limit` bytes and at least one, and the gaps; undefined when nothing waits. */
  peek(limit: number): Waiting | undefined {
    const rounds: Uint8Array[] = [];
    let [room, upTo] = [limit, 0];
    for (const row of this.#file.db.prepare('SELECT n, body FROM round ORDER BY n').iterate()) {
      const body = row['body'] as Uint8Array;
      room -= body.length + roundCost;
      if (room < 0 && rounds.length > 0) break;
      rounds.push(body);
      upTo = Number(row['n']);
    }
    const gaps = this.#file.db.prepare('SELECT * FROM gap ORDER BY first').all().map(gapOf);
    return rounds.length === 0 && gaps.length === 0 ? undefined : { upTo, rounds, gaps };
  }

  /** What was told is stored elsewhere. A gap that has grown meanwhile is told again. */
  forget({ upTo, gaps }: Waiting): void {
    this.#file.write(() => {
      this.#file.db.prepare('DELETE FROM round WHERE n <= ?').run(upTo);
      const drop = this.#file.db.prepare('DELETE FROM gap WHERE first = ? AND n = ?');
      for (const { from, n } of gaps) drop.run(from, n);
    });
    this.#cost = this.#sum();
  }

  close(): void {
    this.#file.close();
  }

  #sum(): number {
    const row = this.#file.db.prepare('SELECT sum(length(body) + ?) AS cost FROM round').get(roundCost);
    return Number(row?.['cost'] ?? 0);
  }

  #bound(): void {
    if (this.#cost <= this.#limit) return;
    let [n, upTo, from, to] = [0, 0, 0, 0];
    for (const row of this.#file.db.prepare('SELECT n, wall, length(body) AS size FROM round ORDER BY n').iterate()) {
      if (this.#cost <= this.#limit) break;
      this.#cost -= Number(row['size']) + roundCost;
      const wall = Number(row['wall']);
      from = n === 0 ? wall : Math.min(from, wall);
      to = Math.max(to, wall);
      upTo = Number(row['n']);
      n++;
    }
    this.#file.db.prepare('DELETE FROM round WHERE n <= ?').run(upTo);
    this.#note({ n, from, to });
  }

  /** Adds to the gap just before it, unless something that was kept lies between. */
  #note({ n, from, to }: Gap): void {
    const { db } = this.#file;
    const before = db.prepare('SELECT * FROM gap WHERE last < ? ORDER BY last DESC LIMIT 1').get(from);
    const between = db.prepare('SELECT 1 FROM round WHERE wall > ? AND wall < ? LIMIT 1');
    const full = Number(db.prepare('SELECT count(*) AS n FROM gap').get()?.['n']) >= mostGaps;
    if (before !== undefined && (full || between.get(Number(before['last']), from) === undefined))
      db.prepare('UPDATE gap SET last = ?, n = n + ? WHERE first = ?').run(to, n, Number(before['first']));
    else
      db.prepare(
        'INSERT INTO gap VALUES (?, ?, ?) ON CONFLICT(first) DO UPDATE SET last = max(last, excluded.last), n = n + excluded.n',
      ).run(from, to, n);
  }
}

const gapOf = (row: Record<string, unknown>): Gap => ({
  n: Number(row['n']),
  from: Number(row['first']),
  to: Number(row['last']),
});

/** One line of a command's log, as it waits to be sent. */
export interface LogLine {
  /** Counts up in the command, also across restarts of the agent. */
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly wall: number;
  readonly stream: 'stdout' | 'stderr' | 'agent';
  readonly text: string;
}

/** What a line costs beside its text. */
const lineCost = 64;

/**
 * Lines that wait to be sent, in bounded memory: the first half of the limit is kept from the beginning, the other half
 * from the end; what falls between is replaced by one line that says how many are missing and which.
 */
export class LogBuffer {
  readonly #half: number;
  #head: LogLine[] = [];
  #tail: LogLine[] = [];
  #gap: { count: number; from: number; to: LogLine } | undefined;
  #headCost = 0;
  #tailCost = 0;

  /** @param limit characters, lines' overhead included */
  constructor(limit: number = 1024 * 1024) {
    this.#half = limit / 2;
  }

  /** What the buffer takes, in characters. */
  get cost(): number {
    return this.#headCost + this.#tailCost;
  }

  get empty(): boolean {
    return this.#head.length === 0 && this.#tail.length === 0 && this.#gap === undefined;
  }

  push(line: LogLine): void {
    const cost = costOf(line);
    if (this.#tail.length === 0 && this.#gap === undefined && this.#headCost + cost <= this.#half) {
      this.#head.push(line);
      this.#headCost += cost;
      return;
    }
    this.#tail.push(line);
    this.#tailCost += cost;
    while (this.#tailCost > this.#half) this.#dropOldestOfTail();
  }

  /** Drops all lines for a gap. */
  drop(): void {
    this.#tail = [...this.#head, ...this.#tail];
    this.#tailCost += this.#headCost;
    this.#head = [];
    this.#headCost = 0;
    while (this.#tail.length > 0) this.#dropOldestOfTail();
  }

  /** Takes the oldest lines out, up to `limit` characters and at least one. */
  take(limit: number): LogLine[] {
    const taken: LogLine[] = [];
    let room = limit;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      room -= costOf(next);
      if (room < 0 && taken.length > 0) break;
      taken.push(next);
      this.#remove();
    }
    return taken;
  }

  #next(): LogLine | undefined {
    return this.#head[0] ?? this.#gapLine() ?? this.#tail[0];
  }

  #remove(): void {
    const first = this.#head.shift();
    if (first !== undefined) this.#headCost -= costOf(first);
    else if (this.#gap !== undefined) this.#gap = undefined;
    else this.#tailCost -= costOf(this.#tail.shift());
  }

  #gapLine(): LogLine | undefined {
    if (this.#gap === undefined) return undefined;
    const { count, from, to } = this.#gap;
    return { n: to.n, wall: to.wall, stream: 'agent', text: `[gap: ${count} lines left out, ${from} to ${to.n}]` };
  }

  #dropOldestOfTail(): void {
    const oldest = this.#tail.shift();
    if (oldest === undefined) return;
    this.#tailCost -= costOf(oldest);
    this.#gap = {
      count: (this.#gap?.count ?? 0) + 1,
      from: Math.min(this.#gap?.from ?? oldest.n, oldest.n),
      to: oldest,
    };
  }
}

const costOf = (line: LogLine | undefined): number => (line === undefined ? 0 : line.text.length + lineCost);

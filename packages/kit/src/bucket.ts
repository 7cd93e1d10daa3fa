/** How many calls there may be in a window: all at once, and then evenly again. */
export interface Budget {
  readonly calls: number;
  readonly seconds: number;
}

/** What of a bucket was spent in this process and nobody else was told yet. */
export interface Spending extends Budget {
  readonly name: string;
  readonly spent: number;
}

/** How a bucket stands. */
export interface Level {
  /** Calls left now; 0 when there is less than one. */
  readonly left: number;
  /** Milliseconds until it is full again. */
  readonly fullInMs: number;
  /** Milliseconds until one call is left; 0 when there is one. */
  readonly oneInMs: number;
}

interface Bucket extends Budget {
  level: number;
  at: number;
  unsent: number;
}

/** Others are told of what was spent when it is this share of a bucket: they see each other's at most so little too late. */
const worthTelling = 1 / 50;

/**
 * Token buckets by name. Each process spends from its own copy, without asking, and takes off what the others tell that they spent: together
 * they hold the budget, but for what is spent between two tellings, and that is a debt which is paid back before anything more is let through.
 */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>();
  /** Those of which there is something to tell. */
  readonly #worth = new Set<string>();
  readonly #now: () => number;
  readonly #most: number;

  /** @param now monotonic milliseconds @param most buckets that are kept; the oldest go first */
  constructor(now: () => number, most = 100_000) {
    this.#now = now;
    this.#most = most;
  }

  level(name: string, budget: Budget): Level {
    const { level, calls, seconds } = this.#bucket(name, budget);
    const perMs = calls / (seconds * 1_000);
    return {
      left: Math.max(0, Math.floor(level)),
      fullInMs: (calls - level) / perMs,
      oneInMs: Math.max(0, 1 - level) / perMs,
    };
  }

  /** Takes one call; ask for the level before. */
  spend(name: string, budget: Budget): void {
    const bucket = this.#bucket(name, budget);
    bucket.level -= 1;
    bucket.unsent += 1;
    if (bucket.unsent >= Math.max(1, bucket.calls * worthTelling)) this.#worth.add(name);
  }

  /** Takes off what another process spent. The debt is never more than a whole window. */
  spentElsewhere({ name, spent, calls, seconds }: Spending): void {
    const bucket = this.#bucket(name, { calls, seconds });
    bucket.level = Math.max(-calls, bucket.level - spent);
  }

  /** What is to be told to the others; told once. */
  untold(): Spending[] {
    const told: Spending[] = [];
    for (const name of this.#worth) {
      const bucket = this.#buckets.get(name);
      if (bucket === undefined) continue;
      told.push({ name, spent: bucket.unsent, calls: bucket.calls, seconds: bucket.seconds });
      bucket.unsent = 0;
    }
    this.#worth.clear();
    return told;
  }

  #bucket(name: string, { calls, seconds }: Budget): Bucket {
    const now = this.#now();
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#most) this.#makeRoom(now);
      bucket = { calls, seconds, level: calls, at: now, unsent: 0 };
      this.#buckets.set(name, bucket);
      return bucket;
    }
    const grown = ((now - bucket.at) * calls) / (seconds * 1_000);
    bucket.level = Math.min(calls, bucket.level + grown);
    bucket.at = now;
    if (bucket.calls !== calls || bucket.seconds !== seconds) Object.assign(bucket, { calls, seconds });
    return bucket;
  }

  /** Forgets those that are full again by now, which say nothing, and a tenth of the rest when there are too few of them. */
  #makeRoom(now: number): void {
    for (const [name, { at, seconds }] of this.#buckets) if (now - at >= seconds * 2_000) this.#buckets.delete(name);
    let tooMany = this.#buckets.size - Math.floor(this.#most * 0.9);
    for (const name of this.#buckets.keys()) {
      if (tooMany-- <= 0) break;
      this.#buckets.delete(name);
    }
  }
}

interface Timer {
  readonly at: number;
  readonly n: number;
  act: (() => void) | undefined;
}

/** Virtual time: timers fire in their order, and what each sets going settles before the next one. */
export class Scheduler {
  /** A heap by time, then by age. */
  readonly #timers: Timer[] = [];
  #now = 0;
  #n = 0;

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Calls `act` after `ms`; the answer takes that back. */
  after(ms: number, act: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), n: ++this.#n, act };
    this.#timers.push(timer);
    this.#rise(this.#timers.length - 1);
    return () => {
      timer.act = undefined;
    };
  }

  /** Lets time pass until `until`, or until `done` holds. */
  async run(until: number, done: () => boolean = () => false): Promise<void> {
    await settled();
    for (let next = this.#timers[0]; next !== undefined && next.at <= until; next = this.#timers[0]) {
      this.#take();
      if (next.act === undefined) continue;
      this.#now = next.at;
      next.act();
      await settled();
      if (done()) return;
    }
    this.#now = Math.max(this.#now, until);
  }

  #take(): void {
    const last = this.#timers.pop();
    if (last === undefined || this.#timers.length === 0) return;
    this.#timers[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const above = (at - 1) >> 1;
      if (!this.#swapped(at, above)) return;
      at = above;
    }
  }

  #sink(): void {
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = this.#before(right, left) ? right : left;
      if (!this.#swapped(child, at)) return;
      at = child;
    }
  }

  /** Puts the earlier of two into the upper place; whether that took a swap. */
  #swapped(below: number, above: number): boolean {
    if (!this.#before(below, above)) return false;
    const [low, high] = [this.#timers[below], this.#timers[above]];
    if (low === undefined || high === undefined) return false;
    this.#timers[below] = high;
    this.#timers[above] = low;
    return true;
  }

  #before(a: number, b: number): boolean {
    const [left, right] = [this.#timers[a], this.#timers[b]];
    if (left === undefined || right === undefined) return left !== undefined;
    return left.at < right.at || (left.at === right.at && left.n < right.n);
  }
}

/** Resolves when every promise that could settle has. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

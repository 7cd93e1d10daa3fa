import type { Clock } from '../command/clock.ts';

/** A clock that a test moves by hand: timers fire in their order, and what they set going settles before the next one. */
export class VirtualClock implements Clock {
  #now = 0;
  #timers: { at: number; act: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_800_000_000_000 + this.#now;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets `ms` pass, or less: until `done` holds. */
  async pass(ms: number, done: () => boolean = () => false): Promise<void> {
    const end = this.#now + ms;
    await settled();
    while (!done()) {
      const next = this.#timers.reduce<{ at: number; act: () => void } | undefined>(
        (first, timer) => (first === undefined || timer.at < first.at ? timer : first),
        undefined,
      );
      if (next === undefined || next.at > end) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.act();
      await settled();
    }
    if (!done()) this.#now = end;
  }
}

/** Resolves when every promise that could settle has. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

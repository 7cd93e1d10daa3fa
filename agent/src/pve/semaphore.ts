interface Waiter {
  readonly admit: () => void;
}

/** Too many wait already. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
  readonly code = 'AGENT_QUEUE_FULL';
}

/** Lets at most `limit` at a time work under the same key; the others wait in order, at most `queue` of them. */
export class Semaphores {
  readonly #limit: number;
  readonly #queue: number;
  readonly #held = new Map<string, { count: number; waiting: Waiter[] }>();

  constructor(limit: number, queue = 10_000) {
    this.#limit = limit;
    this.#queue = queue;
  }

  /** Runs `work` when there is room. @throws QueueFullError, or the signal's reason while it waits */
  async with<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#acquire(key, signal);
    try {
      return await work();
    } finally {
      this.#release(key);
    }
  }

  async #acquire(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const entry = this.#held.get(key) ?? { count: 0, waiting: [] };
    this.#held.set(key, entry);
    if (entry.count < this.#limit) {
      entry.count += 1;
      return;
    }
    if (entry.waiting.length >= this.#queue) throw new QueueFullError(`too many wait for ${key}`);
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      const giveUp = (): void => {
        entry.waiting.splice(entry.waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      entry.waiting.push(waiter);
    });
  }

  /** A place that is given on keeps its count. */
  #release(key: string): void {
    const entry = this.#held.get(key);
    const next = entry?.waiting.shift();
    if (next !== undefined) return next.admit();
    if (entry === undefined) return;
    entry.count -= 1;
    if (entry.count === 0) this.#held.delete(key);
  }
}

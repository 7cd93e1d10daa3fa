import { databaseErrorCode } from '@truffle/database';

/** Too much waits for the database: the caller must slow down. */
export class BatchFullError extends Error {
  override readonly name = 'BatchFullError';
  readonly code = 'BATCH_FULL';
}

export interface BatcherOptions<I, O> {
  /** Does a batch of one key's items; answers in their order. Is called again with the same items after a failure that may pass. */
  readonly run: (key: string, items: readonly I[]) => Promise<readonly O[]>;
  readonly most: number;
  /** Milliseconds that a batch is tried for; default 60,000. */
  readonly patienceMs?: number;
  /** Waits; injected for tests. */
  readonly delay: (ms: number) => Promise<unknown>;
  readonly random?: () => number;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (output: O) => void;
  readonly reject: (error: unknown) => void;
}

const mostWaiting = 20_000;

/**
 * Gathers what arrives while the database is busy with the same key's last batch: one transaction (and one fsync) for many items
 * under load, no waiting without. Items of one key are done strictly in order.
 */
export class Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>;
  readonly #queues = new Map<string, Waiting<I, O>[]>();
  #waiting = 0;

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options;
  }

  /** @throws BatchFullError; what `run` threw, when it kept failing */
  submit(key: string, item: I): Promise<O> {
    if (this.#waiting >= mostWaiting)
      return Promise.reject(new BatchFullError('too many changes wait for the database'));
    this.#waiting++;
    return new Promise<O>((resolve, reject) => {
      const queue = this.#queues.get(key);
      if (queue !== undefined) return void queue.push({ item, resolve, reject });
      const fresh = [{ item, resolve, reject }];
      this.#queues.set(key, fresh);
      void this.#drain(key, fresh);
    });
  }

  async #drain(key: string, queue: Waiting<I, O>[]): Promise<void> {
    // Lets the frames of the same read join the first batch.
    await Promise.resolve();
    while (queue.length > 0) {
      const batch = queue.splice(0, this.#options.most);
      this.#waiting -= batch.length;
      try {
        const outputs = await this.#patiently(
          key,
          batch.map((b) => b.item),
        );
        for (const [i, waiting] of batch.entries()) waiting.resolve(outputs[i] as O);
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
    this.#queues.delete(key);
  }

  async #patiently(key: string, items: readonly I[]): Promise<readonly O[]> {
    const until = performance.now() + (this.#options.patienceMs ?? 60_000);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#options.run(key, items);
      } catch (error) {
        if (!mayPass(error) || performance.now() > until) throw error;
        await this.#options.delay((this.#options.random ?? Math.random)() * Math.min(5_000, 20 * 2 ** attempt));
      }
    }
  }
}

/**
 * Whether the same work may succeed later: a lost connection (no code of PostgreSQL's), or one of its classes 08, 40, 53, 57, or 23505, which is
 * here only two commands racing for one resource.
 */
function mayPass(error: unknown): boolean {
  const code = databaseErrorCode(error);
  return code === undefined ? !(error instanceof TypeError) : /^(08|40|53|57|23505)/.test(code);
}

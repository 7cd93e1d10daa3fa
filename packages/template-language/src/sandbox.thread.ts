import { Worker } from 'node:worker_threads';
import { type Problem, problem } from './problem.ts';
import { Beacon, type Job, type Reply } from './sandbox.protocol.ts';

/** The sandbox itself is at fault, not the template. */
export class SandboxError extends Error {
  readonly code: 'SANDBOX_BUSY' | 'SANDBOX_CLOSED' | 'SANDBOX_FAILED';

  constructor(code: SandboxError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SandboxError';
    this.code = code;
  }
}

/** How a job ended. */
export type Outcome =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'expensive'; readonly problem: Problem }
  | { readonly kind: 'broken'; readonly error: SandboxError };

/** Ceilings of one thread. */
export interface ThreadLimits {
  /** Milliseconds one job may take. */
  readonly deadlineMs: number;
  /** Megabytes of JavaScript heap. */
  readonly heapMb: number;
}

const startDeadlineMs = 20_000;

interface Waiting {
  readonly resolve: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
}

/** One worker thread: `starting` until it reports ready, then `idle` or `busy`; `ended` is final, and its owner starts another one. */
export class Thread {
  readonly #worker: Worker;
  readonly #beacon: Beacon;
  readonly #limits: ThreadLimits;
  readonly #ready: Promise<void>;
  #waiting: Waiting | undefined;
  /** Present until the thread reports ready. */
  #isReady: (() => void) | undefined;
  #ended = false;

  constructor(limits: ThreadLimits) {
    this.#limits = limits;
    const memory = new SharedArrayBuffer(Math.ceil(Beacon.bytes / 4) * 4);
    this.#beacon = new Beacon(memory);
    this.#ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.#worker = new Worker(new URL('./sandbox.worker.ts', import.meta.url), {
      workerData: memory,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: limits.heapMb, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: Reply) => this.#receive(reply));
    this.#worker.on('error', (error: Error & { code?: unknown }) => this.#fail(error));
    this.#worker.on('exit', () =>
      this.#finish({ kind: 'broken', error: new SandboxError('SANDBOX_FAILED', "The sandbox's thread ended") }),
    );
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Runs one job; the thread must be idle. Never rejects. After `expensive` or `broken` the thread has ended. */
  async run(job: Job): Promise<Outcome> {
    // While a job runs the process stays up for it.
    this.#worker.ref();
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#waiting = { resolve, timer: setTimeout(() => this.#finish(this.#startTooSlow()), startDeadlineMs) };
      void this.#ready.then(() => this.#post(job));
    });
    this.#worker.unref();
    if (outcome.kind !== 'done') await this.end();
    return outcome;
  }

  /** Ends the thread, whatever it does. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }

  #post(job: Job): void {
    if (this.#waiting === undefined) return;
    clearTimeout(this.#waiting.timer);
    const timer = setTimeout(
      () =>
        this.#finish({
          kind: 'expensive',
          problem: this.#tooExpensive(`takes longer than ${this.#limits.deadlineMs} ms`),
        }),
      this.#limits.deadlineMs,
    );
    this.#waiting = { resolve: this.#waiting.resolve, timer };
    this.#worker.postMessage(job, []);
  }

  #receive(reply: Reply): void {
    if (reply.kind === 'ready') this.#start();
    else if (reply.kind === 'done') this.#finish({ kind: 'done', result: reply.result });
    else if (reply.tooDeep) this.#finish({ kind: 'expensive', problem: this.#tooExpensive('is nested too deep') });
    else
      this.#finish({
        kind: 'broken',
        error: new SandboxError('SANDBOX_FAILED', `The sandbox failed: ${reply.message}`),
      });
  }

  #start(): void {
    this.#isReady?.();
    this.#isReady = undefined;
  }

  #fail(error: Error & { code?: unknown }): void {
    this.#ended = true;
    const atWork = this.#isReady === undefined;
    if (atWork && error.code === 'ERR_WORKER_OUT_OF_MEMORY')
      this.#finish({ kind: 'expensive', problem: this.#tooExpensive(`needs more than ${this.#limits.heapMb} MB`) });
    else
      this.#finish({
        kind: 'broken',
        error: new SandboxError('SANDBOX_FAILED', "The sandbox's thread failed", { cause: error }),
      });
  }

  #finish(outcome: Outcome): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    waiting.resolve(outcome);
  }

  #startTooSlow(): Outcome {
    return {
      kind: 'broken',
      error: new SandboxError('SANDBOX_FAILED', `The sandbox's thread did not start within ${startDeadlineMs} ms`),
    };
  }

  #tooExpensive(why: string): Problem {
    const at = this.#beacon.read();
    if (at !== undefined)
      return problem(
        'EXPRESSION_TOO_EXPENSIVE',
        at.path,
        at,
        `The expression ${why}`,
        'an expression that is evaluated at once',
      );
    return problem('TEMPLATE_TOO_EXPENSIVE', '', { line: 1, column: 1 }, `The template ${why}`, 'a smaller template');
  }
}

import type { Parameters, ResolvedParameters } from './parameters.ts';
import type { ParseResult } from './parse.ts';
import { catchRefusal, type Problem } from './problem.ts';
import type { ClusterContext, OutputsResult } from './render.ts';
import type { Job } from './sandbox.protocol.ts';
import { SandboxError, Thread, type ThreadLimits } from './sandbox.thread.ts';
import type { ExpandedServers } from './servers.ts';
import { readSource } from './source.ts';
import type { Template } from './template.ts';

export interface SandboxOptions extends Partial<ThreadLimits> {
  /** Threads at most; started when needed. 2 unless told. */
  readonly threads?: number;
  /** Jobs that may wait; one more is refused with `SANDBOX_BUSY`. 64 unless told. */
  readonly queue?: number;
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: SandboxError) => void;
}

/**
 * Works on untrusted templates in threads with a deadline and a memory ceiling. Idle threads do not keep the process up.
 * What costs too much answers with a problem `TEMPLATE_TOO_EXPENSIVE` or `EXPRESSION_TOO_EXPENSIVE`; methods reject with `SandboxError` only.
 */
export class TemplateSandbox {
  readonly #limits: ThreadLimits;
  readonly #most: number;
  readonly #queueLimit: number;
  readonly #idle: Thread[] = [];
  readonly #all = new Set<Thread>();
  readonly #queue: Waiting[] = [];
  #closed = false;

  constructor(options: SandboxOptions = {}) {
    this.#limits = { deadlineMs: options.deadlineMs ?? 1_000, heapMb: options.heapMb ?? 128 };
    this.#most = options.threads ?? 2;
    this.#queueLimit = options.queue ?? 64;
  }

  /** Parses and validates a source. Size and encoding are checked before anything is handed over. */
  async parse(source: string | Uint8Array): Promise<ParseResult> {
    const read = catchRefusal(() => ({ ok: true, text: readSource(source) }) as const);
    if (!read.ok) return read;
    return this.#run<ParseResult>({ kind: 'parse', source: read.text });
  }

  /** `loadTemplate` for JSON that is not trusted. */
  async load(data: unknown): Promise<ParseResult> {
    return this.#run<ParseResult>({ kind: 'load', data });
  }

  /** `resolveParameters` for a template that others wrote. */
  async resolveParameters(
    template: Template,
    values: Readonly<Record<string, unknown>>,
    sealed: Iterable<string> = [],
  ): Promise<ResolvedParameters> {
    return this.#run<ResolvedParameters>({ kind: 'resolve', template, values, sealed: [...sealed] });
  }

  /** `expandServers` for a template that others wrote. */
  async expandServers(
    template: Template,
    params: Parameters,
    clusterName: string,
    counts: Readonly<Record<string, number>> = {},
  ): Promise<ExpandedServers> {
    return this.#run<ExpandedServers>({ kind: 'expand', template, params, clusterName, counts });
  }

  /** `evaluateOutputs` without secrets, for a template that others wrote. */
  async evaluateOutputs(template: Template, context: ClusterContext): Promise<OutputsResult> {
    return this.#run<OutputsResult>({ kind: 'outputs', template, context });
  }

  /** Ends all threads; what waits is refused with `SANDBOX_CLOSED`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#queue.splice(0))
      waiting.reject(new SandboxError('SANDBOX_CLOSED', 'The sandbox is closed'));
    await Promise.all([...this.#all].map((thread) => thread.end()));
  }

  async #run<T>(job: Job): Promise<T | { readonly ok: false; readonly problems: readonly Problem[] }> {
    if (this.#closed) throw new SandboxError('SANDBOX_CLOSED', 'The sandbox is closed');
    if (this.#queue.length >= this.#queueLimit)
      throw new SandboxError('SANDBOX_BUSY', `More than ${this.#queueLimit} templates wait`);
    const result = await new Promise<unknown>((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#next();
    });
    // The worker runs the function that the job names.
    return result as T;
  }

  #next(): void {
    const thread = this.#idle.pop() ?? this.#start();
    if (thread === undefined) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) this.#idle.push(thread);
    else void this.#serve(thread, waiting);
  }

  #start(): Thread | undefined {
    if (this.#queue.length === 0 || this.#all.size >= this.#most) return undefined;
    const thread = new Thread(this.#limits);
    this.#all.add(thread);
    return thread;
  }

  async #serve(thread: Thread, waiting: Waiting): Promise<void> {
    const outcome = await thread.run(waiting.job);
    if (thread.ended) this.#all.delete(thread);
    else this.#idle.push(thread);
    if (outcome.kind === 'done') waiting.resolve(outcome.result);
    else if (outcome.kind === 'expensive') waiting.resolve({ ok: false, problems: [outcome.problem] });
    else waiting.reject(outcome.error);
    if (!this.#closed) this.#next();
  }
}

let shared: TemplateSandbox | undefined;

/**
 * Parses and validates an untrusted template in the process's shared sandbox (two threads, 1 s, 128 MB), started at first use.
 * Give a sandbox of your own for other ceilings or to close it.
 */
export async function parseTemplate(source: string | Uint8Array, sandbox?: TemplateSandbox): Promise<ParseResult> {
  shared ??= new TemplateSandbox();
  return (sandbox ?? shared).parse(source);
}

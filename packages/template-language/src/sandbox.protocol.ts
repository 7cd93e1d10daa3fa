import type { ClusterContext } from './render.ts';
import type { Parameters } from './parameters.ts';
import type { Place } from './problem.ts';
import type { Template } from './template.ts';

/** What the sandbox's thread is asked. */
export type Job =
  | { readonly kind: 'parse'; readonly source: string }
  | { readonly kind: 'load'; readonly data: unknown }
  | {
      readonly kind: 'resolve';
      readonly template: Template;
      readonly values: Readonly<Record<string, unknown>>;
      readonly sealed: readonly string[];
    }
  | {
      readonly kind: 'expand';
      readonly template: Template;
      readonly params: Parameters;
      readonly clusterName: string;
      readonly counts: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'outputs'; readonly template: Template; readonly context: ClusterContext };

/** What it answers. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly message: string; readonly tooDeep: boolean };

const words = 3;
const pathBytes = 240;

/** Shared memory in which the thread says what it is working on, so that the one who ends it knows which expression never ended. */
export class Beacon {
  static readonly bytes = words * 4 + pathBytes;
  readonly #numbers: Int32Array;
  readonly #path: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#numbers = new Int32Array(memory, 0, words);
    this.#path = new Uint8Array(memory, words * 4, pathBytes);
  }

  set(path: string, line: number, column: number): void {
    const { written } = new TextEncoder().encodeInto(path, this.#path);
    Atomics.store(this.#numbers, 0, line);
    Atomics.store(this.#numbers, 1, column);
    Atomics.store(this.#numbers, 2, written);
  }

  clear(): void {
    Atomics.store(this.#numbers, 0, 0);
  }

  /** The expression in work, if any. */
  read(): (Place & { readonly path: string }) | undefined {
    const line = Atomics.load(this.#numbers, 0);
    if (line === 0) return undefined;
    const path = new TextDecoder().decode(this.#path.slice(0, Atomics.load(this.#numbers, 2)));
    return { path, line, column: Atomics.load(this.#numbers, 1) };
  }
}

import type { Colors } from './colors.ts';
import { printable } from './printable.ts';

/** What is said beside the data, on standard error: progress, hints, warnings. */
export class Notes {
  readonly quiet: boolean;
  readonly colors: Colors;
  /** Whether it can be redrawn. */
  readonly live: boolean;
  readonly #write: (text: string) => void;

  constructor(options: {
    readonly quiet: boolean;
    readonly colors: Colors;
    readonly live: boolean;
    readonly write: (text: string) => void;
  }) {
    this.quiet = options.quiet;
    this.colors = options.colors;
    this.live = options.live;
    this.#write = options.write;
  }

  /** Progress and hints; not with `--quiet`. */
  say(text: string): void {
    if (!this.quiet) this.#write(`${text.split('\n').map(printable).join('\n')}\n`);
  }

  /** What should not be missed; not with `--quiet`. */
  warn(text: string): void {
    if (!this.quiet) this.#write(`${this.colors.yellow('warning:')} ${printable(text)}\n`);
  }

  /** Text as it is, also with `--quiet`: errors, and drawings made of safe parts. */
  raw(text: string): void {
    this.#write(text);
  }
}

import { limits } from './limits.ts';
import { nowhere, problem, Refusal, type Place } from './problem.ts';

const start: Place = { line: 1, column: 1 };

/** Turns offsets of a text into places. Costs one pass over the text. */
export class LineIndex {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  /** @param offset in UTF-16 units, 0-based */
  place(offset: number): Place {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}

// Control characters but for tab, line feed, carriage return and next line; a byte order mark after the start; what is no character.
const forbidden = /(?![\t\n\r\u0085])\p{Cc}|[\ufeff\ufffe\uffff]/u;

/**
 * Checks what must hold before a parser may see the source: size first (so that ten megabytes cost nothing), then encoding, then characters.
 * A byte order mark at the start is dropped.
 * @throws Refusal
 */
export function readSource(source: string | Uint8Array): string {
  if (source.length > limits.sourceBytes) refuseSize(source.length);
  const text = typeof source === 'string' ? source.replace(/^\ufeff/, '') : decode(source);
  if (typeof source === 'string') {
    if (!source.isWellFormed())
      throw new Refusal([
        problem('SOURCE_NOT_UTF8', '', start, 'The template holds half of a surrogate pair', 'UTF-8 text'),
      ]);
    const bytes = Buffer.byteLength(source);
    if (bytes > limits.sourceBytes) refuseSize(bytes);
  }
  if (text.trim() === '')
    throw new Refusal([
      problem(
        'SOURCE_EMPTY',
        '',
        start,
        'The template is empty',
        'a mapping that starts with apiVersion: truffle.dev/v1',
      ),
    ]);
  const found = forbidden.exec(text);
  if (found !== null) {
    const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    throw new Refusal([
      problem(
        'INVALID_CHARACTER',
        '',
        new LineIndex(text).place(found.index),
        `The character U+${code} is not allowed`,
        'printable text',
      ),
    ]);
  }
  return text;
}

function refuseSize(size: number): never {
  throw new Refusal([
    problem('SOURCE_TOO_LARGE', '', start, `The template has ${size} bytes`, `at most ${limits.sourceBytes} bytes`),
  ]);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder('utf-8').decode(bytes);
    const at = before.indexOf('\ufffd');
    const place = at === -1 ? nowhere : new LineIndex(before).place(at);
    throw new Refusal([problem('SOURCE_NOT_UTF8', '', place, 'The template is not valid UTF-8', 'UTF-8 text')]);
  }
}

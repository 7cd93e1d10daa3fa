/** A piece of a text: words as they are, or the source of one expression. */
export type Piece =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'expression';
      readonly source: string;
      /** Where `source` starts in the text, in UTF-16 units. */ readonly offset: number;
    };

/** A `${{` that is never closed; `offset` is where it stands. */
export class UnclosedExpressionError extends Error {
  readonly code = 'EXPRESSION_SYNTAX';
  readonly offset: number;

  constructor(offset: number) {
    super('An expression starts with ${{ and never ends');
    this.name = 'UnclosedExpressionError';
    this.offset = offset;
  }
}

/** Whether the text holds the start of an expression. */
export function hasExpression(text: string): boolean {
  return text.includes('${{');
}

/**
 * Splits a text into words and `${{ … }}` expressions. Braces inside an expression's own quotes and maps do not end it.
 * @throws UnclosedExpressionError
 */
export function splitText(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (let at = text.indexOf('${{'); at !== -1; at = text.indexOf('${{', from)) {
    if (at > from) pieces.push({ kind: 'literal', text: text.slice(from, at) });
    const end = endOfExpression(text, at + 3);
    if (end === -1) throw new UnclosedExpressionError(at);
    pieces.push({ kind: 'expression', source: text.slice(at + 3, end), offset: at + 3 });
    from = end + 2;
  }
  if (from < text.length) pieces.push({ kind: 'literal', text: text.slice(from) });
  return pieces;
}

/** The one expression that a text consists of, or undefined when it is a mixture or has none. @throws UnclosedExpressionError */
export function soleExpression(text: string): Extract<Piece, { kind: 'expression' }> | undefined {
  const [first, ...rest] = splitText(text);
  return first?.kind === 'expression' && rest.length === 0 ? first : undefined;
}

function endOfExpression(text: string, from: number): number {
  let quote = '';
  let braces = 0;
  for (let at = from; at < text.length; at += 1) {
    const letter = text[at] ?? '';
    if (quote !== '') {
      if (letter === '\\') at += 1;
      else if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '{') braces += 1;
    else if (letter === '}') {
      if (braces === 0) return text[at + 1] === '}' ? at : -1;
      braces -= 1;
    }
  }
  return -1;
}

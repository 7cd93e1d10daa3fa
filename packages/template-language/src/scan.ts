import { Lexer, Parser } from 'yaml';
import { limits } from './limits.ts';
import { problem, Refusal } from './problem.ts';
import type { LineIndex } from './source.ts';

/**
 * Measures a source with the YAML library's lexer and its first stage of parsing, neither of which recurses,
 * before anything recursive sees it.
 * @throws Refusal `TOO_DEEP` or `TOO_MANY_NODES`
 */
export function scan(text: string, lines: LineIndex): void {
  const parser = new Parser();
  const refuse = (): never => {
    throw new Refusal([
      problem(
        'TOO_DEEP',
        '',
        lines.place(parser.offset),
        `Collections are nested more than ${limits.depth} deep`,
        `at most ${limits.depth} levels`,
      ),
    ]);
  };
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1;
    if (lexemes > limits.lexemes) {
      throw new Refusal([
        problem(
          'TOO_MANY_NODES',
          '',
          lines.place(parser.offset),
          'The template has too many parts',
          `at most ${limits.nodes} values`,
        ),
      ]);
    }
    for (const token of parser.next(lexeme)) void token;
    // One for the document, one for a scalar that is being read.
    if (parser.stack.length > limits.depth + 2) refuse();
  }
}

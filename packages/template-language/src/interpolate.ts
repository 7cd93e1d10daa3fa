import { asText, evaluate, type Value, type Variables } from './evaluate.ts';
import { ExpressionError, parseExpression } from './expression.ts';
import { limits } from './limits.ts';
import { splitText } from './text.ts';

/**
 * Evaluates a text. One that is exactly one expression keeps the expression's type; otherwise the results are joined as text.
 * @throws ExpressionError
 */
export function interpolate(text: string, variables: Variables): Value {
  const pieces = splitText(text);
  const [first] = pieces;
  if (first?.kind === 'expression' && pieces.length === 1) return evaluate(parseExpression(first.source), variables);
  const parts = pieces.map((piece) =>
    piece.kind === 'literal' ? piece.text : asText(evaluate(parseExpression(piece.source), variables)),
  );
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > 4 * limits.textLength) {
    throw new ExpressionError(
      'EXPRESSION_TOO_EXPENSIVE',
      0,
      `The text grows to ${length} characters`,
      `at most ${4 * limits.textLength} characters`,
    );
  }
  return parts.join('');
}

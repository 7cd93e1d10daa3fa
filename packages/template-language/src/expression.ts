import { parse } from '@bufbuild/cel';
import { limits } from './limits.ts';
import type { ProblemCode } from './problem.ts';

/** A node of an expression's syntax tree, as the CEL library gives it. */
export type Node = ReturnType<typeof parse>['expr'];

/** An expression that has been parsed and found to be within bounds. */
export interface Expression {
  readonly source: string;
  readonly root: Node;
  /** Offset in `source` by a node's id. */
  readonly offsets: Readonly<Record<string, number>>;
}

/** An expression that is refused; `offset` is in its source. */
export class ExpressionError extends Error {
  readonly code: ProblemCode;
  readonly offset: number;
  readonly expected: string | undefined;

  constructor(code: ProblemCode, offset: number, message: string, expected?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ExpressionError';
    this.code = code;
    this.offset = offset;
    this.expected = expected;
  }
}

const tooExpensive = (offset: number, message: string, expected: string): ExpressionError =>
  new ExpressionError('EXPRESSION_TOO_EXPENSIVE', offset, message, expected);

/**
 * Parses one CEL expression and bounds its size: length and bracket depth before parsing (the parser is recursive), tree and loops after.
 * @throws ExpressionError
 */
export function parseExpression(source: string): Expression {
  if (source.trim() === '')
    throw new ExpressionError('EXPRESSION_SYNTAX', 0, 'The expression is empty', 'an expression such as params.name');
  if (source.length > limits.expressionLength) {
    throw tooExpensive(
      0,
      `The expression has ${source.length} characters`,
      `at most ${limits.expressionLength} characters`,
    );
  }
  scanDepth(source);
  const parsed = parseCel(source);
  measure(parsed.root, parsed.offsets);
  return parsed;
}

function parseCel(source: string): Expression {
  try {
    const parsed = parse(source);
    return { source, root: parsed.expr, offsets: parsed.sourceInfo?.positions ?? {} };
  } catch (error) {
    if (error instanceof RangeError)
      throw tooExpensive(0, 'The expression is nested too deep to be read', 'a simpler expression');
    const { offset, message } = syntaxError(error);
    throw new ExpressionError(
      'EXPRESSION_SYNTAX',
      offset,
      `The expression cannot be read: ${message}`,
      'a CEL expression',
      { cause: error },
    );
  }
}

function syntaxError(error: unknown): { offset: number; message: string } {
  if (typeof error !== 'object' || error === null) return { offset: 0, message: 'it is malformed' };
  const { rawMessage, location } = error as { rawMessage?: unknown; location?: { start?: { offset?: unknown } } };
  const offset = location?.start?.offset;
  return {
    offset: typeof offset === 'number' ? offset : 0,
    message: typeof rawMessage === 'string' ? rawMessage : error instanceof Error ? error.message : 'it is malformed',
  };
}

/** Bounds what makes a recursive parser recurse: open brackets, runs of prefix operators and of conditionals. */
function scanDepth(source: string): void {
  let depth = 0;
  let prefixes = 0;
  let conditionals = 0;
  let quote = '';
  for (let at = 0; at < source.length; at += 1) {
    const letter = source[at] ?? '';
    if (quote !== '') {
      if (letter === '\\') at += 1;
      else if (letter === quote) quote = '';
      continue;
    }
    if (letter === '"' || letter === "'") quote = letter;
    else if ('([{'.includes(letter)) depth += 1;
    else if (')]}'.includes(letter)) depth -= 1;
    else if (letter === '?') conditionals += 1;
    prefixes = letter === '!' || letter === '-' ? prefixes + 1 : letter === ' ' ? prefixes : 0;
    if (Math.max(depth, prefixes, conditionals) > limits.expressionDepth) {
      throw tooExpensive(at, 'The expression is nested too deep', `at most ${limits.expressionDepth} levels`);
    }
  }
}

function measure(root: Node, offsets: Readonly<Record<string, number>>): void {
  let nodes = 0;
  let loops = 0;
  const visit = (node: Node, nesting: number): void => {
    nodes += 1;
    const offset = offsets[String(node.id)] ?? 0;
    if (nodes > limits.expressionNodes)
      throw tooExpensive(offset, 'The expression has too many parts', `at most ${limits.expressionNodes} parts`);
    const isLoop = node.exprKind.case === 'comprehensionExpr';
    if (isLoop) loops += 1;
    if (loops > limits.comprehensions)
      throw tooExpensive(
        offset,
        'The expression has too many loops',
        `at most ${limits.comprehensions} of map, filter, all and exists`,
      );
    if (isLoop && nesting >= limits.comprehensionNesting) {
      throw tooExpensive(
        offset,
        'Loops stand inside one another too deep',
        `at most ${limits.comprehensionNesting} levels of map, filter, all and exists`,
      );
    }
    for (const { child, inLoop } of children(node)) visit(child, nesting + (inLoop ? 1 : 0));
  };
  visit(root, 0);
}

/** A node's children; `inLoop` marks those that a loop evaluates in each turn. */
export function children(node: Node): readonly { readonly child: Node; readonly inLoop: boolean }[] {
  const kind = node.exprKind;
  const outside = (nodes: readonly (Node | undefined)[]) =>
    nodes.flatMap((child) => (child === undefined ? [] : [{ child, inLoop: false }]));
  switch (kind.case) {
    case 'selectExpr':
      return outside([kind.value.operand]);
    case 'callExpr':
      return outside([kind.value.target, ...kind.value.args]);
    case 'listExpr':
      return outside(kind.value.elements);
    case 'structExpr':
      return outside(
        kind.value.entries.flatMap((entry) => [
          entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined,
          entry.value,
        ]),
      );
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
      const inside = [loopCondition, loopStep].flatMap((child) =>
        child === undefined ? [] : [{ child, inLoop: true }],
      );
      return [...outside([iterRange, accuInit, result]), ...inside];
    }
    default:
      return [];
  }
}

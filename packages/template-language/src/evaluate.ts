import {
  type CelInput,
  type CelValue,
  celEnv,
  celFunc,
  type CelList,
  celList,
  celMethod,
  CelScalar,
  isCelError,
  isCelList,
  isCelMap,
  isCelUint,
  listType,
  plan,
} from '@bufbuild/cel';
import { children, type Expression, ExpressionError, type Node } from './expression.ts';
import { limits } from './limits.ts';
import { costOfMatch, matchesPattern } from './pattern.ts';

/** What an expression can see, and what it gives. Whole numbers of CEL's `int` are bigint. */
export type Value = null | boolean | bigint | number | string | readonly Value[] | { readonly [key: string]: Value };
export type Variables = Readonly<Record<string, Value>>;

/**
 * Evaluates an expression within `limits.evaluationCost` units of work, deterministically: the same input fails or succeeds everywhere.
 * Safe in process for expressions that a validated template holds; unvalidated ones belong in the sandbox.
 * @throws ExpressionError `EXPRESSION_TOO_EXPENSIVE` or `EXPRESSION_FAILED`
 */
export function evaluate(expression: Expression, variables: Variables): Value {
  const meter = new Meter();
  const before = current;
  current = meter;
  try {
    const result = plan(environment, metered(expression))(variables);
    if (meter.exhausted) throw meter.error();
    if (isCelError(result))
      throw new ExpressionError(
        'EXPRESSION_FAILED',
        offsetOf(result, expression),
        `The expression fails: ${result.message}`,
      );
    return toValue(result, meter);
  } catch (error) {
    if (error instanceof RangeError) throw new Meter().error();
    throw error;
  } finally {
    current = before;
  }
}

/** Counts work; once exhausted every further metered call fails, so that the rest of the evaluation ends at once. */
class Meter {
  #left: number = limits.evaluationCost;
  exhausted = false;

  charge(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) this.exhausted = true;
    if (this.exhausted) throw this.error();
  }

  text(length: number): void {
    if (length > limits.evaluatedTextLength) this.exhausted = true;
    this.charge(1 + length / 16);
  }

  list(length: number): void {
    if (length > limits.listLength) this.exhausted = true;
    this.charge(1 + length);
  }

  error(): ExpressionError {
    const expected = `at most ${limits.evaluationCost} units of work, ${limits.listLength} items and ${limits.evaluatedTextLength} characters`;
    return new ExpressionError('EXPRESSION_TOO_EXPENSIVE', 0, 'The expression costs too much to evaluate', expected);
  }
}

// Evaluation is synchronous: one meter is in force at a time.
let current = new Meter();

const { STRING, INT, BOOL, DYN } = CelScalar;
const LIST = listType(DYN);
const turn = '@turn';

function toText(length: number, make: () => string): string {
  current.text(length);
  return make();
}

function joinList(list: CelList, separator: string): string {
  const parts: string[] = [];
  let length = 0;
  for (const item of list) {
    if (typeof item !== 'string') throw new ExpressionError('EXPRESSION_FAILED', 0, 'join needs a list of texts');
    length += item.length + separator.length;
    current.text(length);
    parts.push(item);
  }
  return parts.join(separator);
}

/** Finding a text in another costs up to the product of their lengths. */
function chargeSearch(text: string, part: string): void {
  current.charge(1 + (text.length * part.length) / 256);
}

/** Comparing walks both values, shared parts each time they stand. */
function chargeWalk(value: CelValue): void {
  current.charge(1);
  if (typeof value === 'string') current.charge(value.length / 16);
  else if (isCelList(value)) for (const item of value) chargeWalk(item);
  else if (isCelMap(value)) for (const item of value.values()) chargeWalk(item);
}

const standard = celEnv().funcs;

/** The library's own comparison, metered. */
function compared(name: string): (a: CelValue, b: CelValue) => boolean {
  const original = standard.find(name);
  return (a, b) => {
    chargeWalk(a);
    chargeWalk(b);
    const result = original?.call(0, undefined, [a, b]);
    if (typeof result !== 'boolean') throw new ExpressionError('EXPRESSION_FAILED', 0, 'The values cannot be compared');
    return result;
  };
}

function replaceAll(text: string, from: string, to: string): string {
  chargeSearch(text, from);
  const parts = from === '' ? [text] : text.split(from);
  return toText(text.length + (parts.length - 1) * to.length, () => parts.join(to));
}

function splitList(text: string, separator: string): CelList {
  current.text(text.length);
  chargeSearch(text, separator);
  const parts = text.split(separator);
  current.list(parts.length);
  return celList(parts);
}

function matches(text: string, pattern: string): boolean {
  if (pattern.length > limits.patternLength) current.charge(limits.evaluationCost + 1);
  current.charge(1 + costOfMatch(pattern, text.length) / 16);
  return matchesPattern(pattern, text);
}

const environment = celEnv({
  funcs: [
    celFunc(turn, [INT, BOOL], BOOL, (cost, goOn) => {
      current.charge(Number(cost));
      return goOn;
    }),
    celFunc('_+_', [STRING, STRING], STRING, (a, b) => toText(a.length + b.length, () => a + b)),
    celFunc('_+_', [LIST, LIST], LIST, (a, b) => {
      current.list(a.size + b.size);
      return celList([...a, ...b] as CelInput[]);
    }),
    celFunc('_==_', [DYN, DYN], BOOL, compared('_==_')),
    celFunc('_!=_', [DYN, DYN], BOOL, compared('_!=_')),
    celFunc('@in', [DYN, LIST], BOOL, compared('@in')),
    celMethod('contains', STRING, [STRING], BOOL, function (part) {
      chargeSearch(this, part);
      return this.includes(part);
    }),
    celMethod('matches', STRING, [STRING], BOOL, function (pattern) {
      return matches(this, pattern);
    }),
    celFunc('matches', [STRING, STRING], BOOL, matches),
    celMethod('join', LIST, [], STRING, function () {
      return joinList(this, '');
    }),
    celMethod('join', LIST, [STRING], STRING, function (separator) {
      return joinList(this, separator);
    }),
    celMethod('split', STRING, [STRING], LIST, function (separator) {
      return splitList(this, separator);
    }),
    celMethod('replace', STRING, [STRING, STRING], STRING, function (from, to) {
      return replaceAll(this, from, to);
    }),
    celMethod('lowerAscii', STRING, [], STRING, function () {
      return toText(this.length, () => this.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
    }),
    celMethod('upperAscii', STRING, [], STRING, function () {
      return toText(this.length, () => this.replace(/[a-z]/g, (letter) => letter.toUpperCase()));
    }),
    celMethod('trim', STRING, [], STRING, function () {
      return toText(this.length, () => this.trim());
    }),
  ],
});

/** Rewrites each loop so that every turn is charged with the size of what it evaluates. */
function metered(expression: Expression): Node {
  const rewrite = (node: Node): number => {
    let size = 1;
    let inLoop = 0;
    for (const each of children(node)) {
      const cost = rewrite(each.child);
      size += cost;
      if (each.inLoop) inLoop += cost;
    }
    const kind = node.exprKind;
    if (kind.case === 'comprehensionExpr' && kind.value.loopCondition !== undefined) {
      kind.value.loopCondition = charged(kind.value.loopCondition, inLoop);
    }
    return size;
  };
  const root = structuredClone(expression.root);
  rewrite(root);
  return root;
}

function charged(condition: Node, cost: number): Node {
  const { $typeName, id } = condition;
  const units: Node = {
    $typeName,
    id,
    exprKind: {
      case: 'constExpr',
      value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'int64Value', value: BigInt(cost) } },
    },
  };
  return {
    $typeName,
    id,
    exprKind: {
      case: 'callExpr',
      value: { $typeName: 'cel.expr.Expr.Call', function: turn, args: [units, condition] },
    },
  };
}

function offsetOf(error: { readonly exprId?: unknown; readonly id?: unknown }, expression: Expression): number {
  return expression.offsets[String(error.exprId ?? error.id)] ?? 0;
}

/** Copies a result into plain values; shared parts are counted each time they stand, so that a small graph cannot become a huge tree. */
function toValue(value: CelValue, meter: Meter): Value {
  meter.charge(1);
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number')
    return value;
  if (typeof value === 'string') return value;
  if (isCelUint(value)) return value.value;
  if (isCelList(value)) return [...value].map((item) => toValue(item, meter));
  if (isCelMap(value))
    return Object.fromEntries(
      [...value].map(([key, item]) => [isCelUint(key) ? String(key.value) : String(key), toValue(item, meter)]),
    );
  throw new ExpressionError(
    'EXPRESSION_FAILED',
    0,
    'The expression gives a value that templates have no use for',
    'a text, a number, true or false, a list or a map',
  );
}

/** How a value stands inside a longer text. @throws ExpressionError for null */
export function asText(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null)
    throw new ExpressionError(
      'EXPRESSION_FAILED',
      0,
      'The expression gives null',
      'a text, a number, true or false, a list or a map',
    );
  if (typeof value === 'object') return JSON.stringify(plain(value));
  return String(value);
}

/** A value as JSON has it: a bigint becomes a number where that is exact, a text otherwise. */
export function plain(value: Value): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map((item: Value) => plain(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}

import { ShellError } from './shell.ts';

const LEVELS: readonly (readonly string[])[] = [['||'], ['&&'], ['|'], ['^'], ['&'], ['==', '!='], ['<=', '>=', '<', '>'], ['<<', '>>'], ['+', '-'], ['*', '/', '%']];

/** Evaluates `$((…))`: C's integer operators on variables and numbers. @throws {ShellError} */
export function arithmetic(text: string, read: (name: string) => string, write: (name: string, value: string) => void): number {
  const tokens = text.match(/\d+|0x[0-9a-fA-F]+|[A-Za-z_]\w*|\|\||&&|==|!=|<=|>=|<<|>>|[+*/%-]=|[-+*/%()<>!~^&|=?:]|\S/g) ?? [];
  let at = 0;
  const fail = (): never => {
    throw new ShellError(`arithmetic expression: expecting primary: "${text}"`, 2);
  };

  const primary = (): number => {
    const token = tokens[at];
    at += 1;
    if (token === undefined) return fail();
    if (token === '(') {
      const value = ternary();
      if (tokens[at] !== ')') fail();
      at += 1;
      return value;
    }
    if (token === '-') return -primary();
    if (token === '+') return primary();
    if (token === '!') return primary() === 0 ? 1 : 0;
    if (token === '~') return ~primary();
    if (/^\d/.test(token)) return Number(token);
    if (/^[A-Za-z_]/.test(token)) return variable(token);
    return fail();
  };

  const variable = (name: string): number => {
    const operator = tokens[at];
    const current = Number(read(name)) || 0;
    if (operator === undefined || !/^([-+*/%]=|=)$/.test(operator)) return current;
    at += 1;
    const right = ternary();
    const value = operator === '=' ? right : apply(operator[0] ?? '', current, right);
    write(name, String(value));
    return value;
  };

  const level = (depth: number): number => {
    const operators = LEVELS[depth];
    if (operators === undefined) return primary();
    let left = level(depth + 1);
    while (operators.includes(tokens[at] ?? '')) {
      const operator = tokens[at] ?? '';
      at += 1;
      left = apply(operator, left, level(depth + 1));
    }
    return left;
  };

  const ternary = (): number => {
    const test = level(0);
    if (tokens[at] !== '?') return test;
    at += 1;
    const yes = ternary();
    if (tokens[at] !== ':') fail();
    at += 1;
    const no = ternary();
    return test === 0 ? no : yes;
  };

  if (tokens.length === 0) return 0;
  const value = ternary();
  return at < tokens.length ? fail() : value;
}

function apply(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+': return left + right;
    case '-': return left - right;
    case '*': return left * right;
    case '/':
    case '%':
      if (right === 0) throw new ShellError('division by zero', 2);
      return operator === '/' ? Math.trunc(left / right) : left % right;
    case '==': return left === right ? 1 : 0;
    case '!=': return left === right ? 0 : 1;
    case '<': return left < right ? 1 : 0;
    case '>': return left > right ? 1 : 0;
    case '<=': return left <= right ? 1 : 0;
    case '>=': return left >= right ? 1 : 0;
    case '<<': return left << right;
    case '>>': return left >> right;
    case '&': return left & right;
    case '|': return left | right;
    case '^': return left ^ right;
    case '&&': return left !== 0 && right !== 0 ? 1 : 0;
    default: return left !== 0 || right !== 0 ? 1 : 0;
  }
}

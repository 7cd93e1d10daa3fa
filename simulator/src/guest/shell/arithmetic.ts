import { ShellError } from './shell.ts';

const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<=', '>=', '<', '>'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Evaluates `$((…))`: C's integer operators on variables and numbers. @throws {ShellError} */
export function arithmetic(
  text: string,
  read: (name: string) => string,
  write: (name: string, value: string) => void,
): number {
  return new Expression(text, { read, write }).value();
}

interface Variables {
  read: (name: string) => string;
  write: (name: string, value: string) => void;
}

const TOKEN = /\d+|[A-Za-z_]\w*|\|\||&&|==|!=|<=|>=|<<|>>|[+*/%-]=|\S/g;

class Expression {
  private readonly text: string;
  private readonly tokens: string[];
  private readonly variables: Variables;
  private at = 0;

  constructor(text: string, variables: Variables) {
    this.text = text;
    this.tokens = text.match(TOKEN) ?? [];
    this.variables = variables;
  }

  value(): number {
    if (this.tokens.length === 0) return 0;
    const value = this.ternary();
    return this.at < this.tokens.length ? this.fail() : value;
  }

  private fail(): never {
    throw new ShellError(`arithmetic expression: expecting primary: "${this.text}"`, 2);
  }

  private take(): string | undefined {
    this.at += 1;
    return this.tokens[this.at - 1];
  }

  private expect(token: string): void {
    if (this.take() !== token) this.fail();
  }

  private ternary(): number {
    const test = this.level(0);
    if (this.tokens[this.at] !== '?') return test;
    this.at += 1;
    const yes = this.ternary();
    this.expect(':');
    const no = this.ternary();
    return test === 0 ? no : yes;
  }

  private level(depth: number): number {
    const operators = LEVELS[depth];
    if (operators === undefined) return this.primary();
    let left = this.level(depth + 1);
    while (operators.includes(this.tokens[this.at] ?? '')) left = apply(this.take() ?? '', left, this.level(depth + 1));
    return left;
  }

  private primary(): number {
    const token = this.take();
    if (token === undefined) return this.fail();
    if (token === '(') {
      const value = this.ternary();
      this.expect(')');
      return value;
    }
    if (token === '-') return -this.primary();
    if (token === '+') return this.primary();
    if (token === '!') return this.primary() === 0 ? 1 : 0;
    if (token === '~') return ~this.primary();
    if (/^\d/.test(token)) return Number(token);
    return /^[A-Za-z_]/.test(token) ? this.variable(token) : this.fail();
  }

  private variable(name: string): number {
    const operator = this.tokens[this.at];
    const current = Number(this.variables.read(name)) || 0;
    if (operator === undefined || !/^([-+*/%]=|=)$/.test(operator)) return current;
    this.at += 1;
    const right = this.ternary();
    const value = operator === '=' ? right : apply(operator[0] ?? '', current, right);
    this.variables.write(name, String(value));
    return value;
  }
}

function apply(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
    case '%':
      if (right === 0) throw new ShellError('division by zero', 2);
      return operator === '/' ? Math.trunc(left / right) : left % right;
    case '==':
      return left === right ? 1 : 0;
    case '!=':
      return left === right ? 0 : 1;
    case '<':
      return left < right ? 1 : 0;
    case '>':
      return left > right ? 1 : 0;
    case '<=':
      return left <= right ? 1 : 0;
    case '>=':
      return left >= right ? 1 : 0;
    case '<<':
      return left << right;
    case '>>':
      return left >> right;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '&&':
      return left !== 0 && right !== 0 ? 1 : 0;
    default:
      return left !== 0 || right !== 0 ? 1 : 0;
  }
}

import type { Shell } from './shell.ts';
import { globToRegExp } from './expand.ts';

/** `test` and `[`: 0 when true, 1 when not, 2 when it makes no sense. */
export function test(shell: Shell, args: readonly string[]): number {
  const result = either(shell, [...args]);
  return result === undefined ? 2 : result ? 0 : 1;
}

function either(shell: Shell, args: string[]): boolean | undefined {
  const at = splitAt(args, ['-o', '||']);
  if (at < 0) return both(shell, args);
  const left = both(shell, args.slice(0, at));
  const right = either(shell, args.slice(at + 1));
  return left === undefined || right === undefined ? undefined : left || right;
}

function both(shell: Shell, args: string[]): boolean | undefined {
  const at = splitAt(args, ['-a', '&&']);
  if (at < 0) return one(shell, args);
  const left = one(shell, args.slice(0, at));
  const right = both(shell, args.slice(at + 1));
  return left === undefined || right === undefined ? undefined : left && right;
}

function splitAt(args: readonly string[], operators: readonly string[]): number {
  return args.length <= 3 ? -1 : args.findIndex((word, at) => at > 0 && operators.includes(word));
}

function one(shell: Shell, args: readonly string[]): boolean | undefined {
  const [a, b, c] = args;
  if (a === undefined) return false;
  if (a === '!' && args.length > 1) {
    const inner = one(shell, args.slice(1));
    return inner === undefined ? undefined : !inner;
  }
  if (args.length === 1) return a !== '';
  if (args.length === 2) return unary(shell, a, b ?? '');
  if (args.length === 3) return binary(shell, a, b ?? '', c ?? '');
  return undefined;
}

function unary(shell: Shell, operator: string, operand: string): boolean | undefined {
  const { disk } = shell.guest;
  const path = shell.path(operand);
  switch (operator) {
    case '-n':
      return operand !== '';
    case '-z':
      return operand === '';
    case '-e':
    case '-r':
    case '-w':
      return disk.exists(path);
    case '-f':
    case '-x':
      return disk.isFile(path) || (operator === '-x' && disk.isDirectory(path));
    case '-d':
      return disk.isDirectory(path);
    case '-s':
      return (disk.read(path)?.length ?? 0) > 0;
    case '-L':
    case '-h':
    case '-t':
    case '-S':
    case '-p':
    case '-b':
      return false;
    default:
      return undefined;
  }
}

function binary(shell: Shell, left: string, operator: string, right: string): boolean | undefined {
  const numbers: Record<string, (a: number, b: number) => boolean> = {
    '-eq': (a, b) => a === b,
    '-ne': (a, b) => a !== b,
    '-lt': (a, b) => a < b,
    '-le': (a, b) => a <= b,
    '-gt': (a, b) => a > b,
    '-ge': (a, b) => a >= b,
  };
  const compare = numbers[operator];
  if (compare !== undefined)
    return /^\s*-?\d+\s*$/.test(left) && /^\s*-?\d+\s*$/.test(right) ? compare(Number(left), Number(right)) : undefined;
  if (operator === '=' || operator === '==')
    return globToRegExp([{ text: right, quoted: operator === '=' }]).test(left);
  if (operator === '!=') return left !== right;
  if (operator === '=~') return new RegExp(right).test(left);
  if (operator === '-nt' || operator === '-ot' || operator === '-ef') return shell.guest.disk.exists(shell.path(left));
  return undefined;
}

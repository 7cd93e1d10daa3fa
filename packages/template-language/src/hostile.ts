import { sampleWith } from './fixture.ts';
import type { ProblemCode } from './problem.ts';

/** One hostile source with the exact refusal it must get. */
export interface HostileCase {
  readonly name: string;
  readonly source: string | Uint8Array;
  readonly code: ProblemCode;
  readonly line: number;
  readonly column: number;
}

const countPiece = '${{ params.replicas }}';
const countLine = 11;
/** Of the expression's first character. */
const countColumn = 16;

/** The sample with its `count` replaced by an expression in a double-quoted scalar, so that it starts at column 16. */
function counting(expression: string): string {
  return sampleWith(countPiece, JSON.stringify(`\${{${expression}}}`));
}

/** Where `offset` of such an expression stands. */
function at(offset: number): { line: number; column: number } {
  return { line: countLine, column: countColumn + offset };
}

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 10; level += 1)
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  return lines.join('\n');
}

const bytes = (...parts: (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const start = { line: 1, column: 1 };
const keys = (count: number): string => Array.from({ length: count }, (_, key) => `k${key}: 1`).join('\n');
const times = (name: string): string => Array(60).fill(name).join(',');
const ones = times('1');
const a = (count: number): string => 'a'.repeat(count);

/** Sources that break the reading of the text. */
export const hostileSources: readonly HostileCase[] = [
  { name: '10 MB', source: a(10_000_000), code: 'SOURCE_TOO_LARGE', ...start },
  { name: '10 MB of bytes', source: new Uint8Array(10_000_000), code: 'SOURCE_TOO_LARGE', ...start },
  { name: 'many characters of four bytes', source: '😀'.repeat(100_000), code: 'SOURCE_TOO_LARGE', ...start },
  { name: 'nothing', source: ' \n ', code: 'SOURCE_EMPTY', ...start },
  { name: 'invalid UTF-8', source: bytes('a: 1\nb: ', [0xc3, 0x28]), code: 'SOURCE_NOT_UTF8', line: 2, column: 4 },
  { name: 'UTF-16', source: bytes([0xff, 0xfe, 0x61, 0x00]), code: 'SOURCE_NOT_UTF8', ...start },
  { name: 'overlong UTF-8', source: bytes('a: ', [0xc0, 0x80]), code: 'SOURCE_NOT_UTF8', line: 1, column: 4 },
  { name: 'half a surrogate pair', source: 'a: \ud800', code: 'SOURCE_NOT_UTF8', ...start },
  { name: 'NUL', source: 'a: 1\nb: x\0y', code: 'INVALID_CHARACTER', line: 2, column: 5 },
  { name: 'an escape sequence of terminals', source: 'a: \u001b[31m', code: 'INVALID_CHARACTER', line: 1, column: 4 },
  { name: 'a byte order mark inside', source: 'a: 1\n\ufeffb: 2', code: 'INVALID_CHARACTER', line: 2, column: 1 },
  { name: 'flow nesting', source: '['.repeat(100_000), code: 'TOO_DEEP', line: 1, column: 27 },
  { name: 'closed flow nesting', source: '['.repeat(5_000) + ']'.repeat(5_000), code: 'TOO_DEEP', line: 1, column: 27 },
  { name: 'nested flow maps', source: '{a: '.repeat(20_000), code: 'TOO_DEEP', line: 1, column: 102 },
  { name: 'compact block nesting', source: '- '.repeat(100_000), code: 'TOO_DEEP', line: 1, column: 52 },
  {
    name: 'block nesting',
    source: Array.from({ length: 500 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
    code: 'TOO_DEEP',
    line: 26,
    column: 27,
  },
  { name: 'explicit keys nested', source: '? '.repeat(50_000), code: 'TOO_DEEP', line: 1, column: 52 },
  { name: 'a billion laughs', source: bomb(), code: 'YAML_ALIAS', line: 2, column: 55 },
  {
    name: 'an alias bomb below the alias limit',
    source: `a: &a [${'1,'.repeat(1_000)}]\n${Array.from({ length: 40 }, (_, key) => `b${key}: *a`).join('\n')}`,
    code: 'TOO_MANY_NODES',
    line: 5,
    column: 5,
  },
  { name: 'an alias of itself', source: 'a: &a [*a]', code: 'YAML_ALIAS', line: 1, column: 8 },
  { name: 'an alias of nothing', source: 'a: *b', code: 'YAML_ALIAS', line: 1, column: 4 },
  { name: 'many keys', source: keys(21_000), code: 'TOO_MANY_NODES', line: 7143, column: 8 },
  { name: 'a key twice', source: 'kind: a\nkind: b', code: 'DUPLICATE_KEY', line: 2, column: 1 },
  { name: 'a merge key', source: 'a: &a { b: 1 }\nc:\n  <<: *a', code: 'MERGE_KEY', line: 3, column: 3 },
  { name: '__proto__', source: 'a: 1\n__proto__: { polluted: true }', code: 'RESERVED_KEY', line: 2, column: 1 },
  {
    name: 'constructor',
    source: sampleWith('  database: { type', '  constructor: { type'),
    code: 'RESERVED_KEY',
    line: 6,
    column: 3,
  },
  { name: 'a tab as indentation', source: 'a:\n\tb: 1', code: 'YAML_SYNTAX', line: 2, column: 1 },
  { name: 'two documents', source: 'a: 1\n---\nb: 2', code: 'MULTIPLE_DOCUMENTS', line: 2, column: 1 },
  { name: 'a directive', source: '%YAML 1.1\n---\na: yes', code: 'YAML_DIRECTIVE', ...start },
  { name: 'a custom tag', source: "a: !!js/function 'x'", code: 'YAML_TAG', line: 1, column: 4 },
  { name: 'a local tag', source: 'a: !env HOME', code: 'YAML_TAG', line: 1, column: 4 },
  { name: 'a huge integer', source: 'a: 1\nb: 99999999999999999999', code: 'NUMBER_OUT_OF_RANGE', line: 2, column: 4 },
  { name: 'infinity', source: 'a: .inf', code: 'NUMBER_OUT_OF_RANGE', line: 1, column: 4 },
  { name: 'a very long scalar', source: `a: ${a(70_000)}`, code: 'TEXT_TOO_LONG', line: 1, column: 4 },
  { name: 'a mapping as key', source: '? { a: 1 }\n: 2', code: 'YAML_SYNTAX', line: 1, column: 3 },
  { name: 'a list instead of a template', source: '- 1', code: 'WRONG_TYPE', ...start },
  { name: 'a text instead of a template', source: 'hello', code: 'WRONG_TYPE', ...start },
];

/** Expressions that cost too much. */
export const hostileExpressions: readonly HostileCase[] = [
  {
    name: 'loops in loops',
    source: counting('size([1].map(a, [1].map(b, [1].map(c, c))))'),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(30),
  },
  {
    name: 'a chain of loops',
    source: counting(`size([1]${'.map(x, x)'.repeat(6)})`),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(18),
  },
  {
    name: 'a graph of shared lists compared',
    source: counting(
      `size([[${ones}]].map(a, [${times('a')}]).map(b, [${times('b')}]).map(c, [${times('c')}]).map(d, d == d))`,
    ),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(0),
  },
  {
    name: 'a graph of shared lists as a result',
    source: sampleWith('apt-get install -y postgresql', 'true').replace(
      'url: "',
      `bomb: "\${{ [[${ones}]].map(a, [${times('a')}]).map(b, [${times('b')}]).map(c, [${times('c')}]) }}"\n  url: "`,
    ),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    line: 36,
    column: 13,
  },
  {
    name: 'a text that doubles',
    source: counting(
      `size(${Array(4)
        .fill(0)
        .reduce<string>((text) => `[${text}].map(x, ${Array(16).fill('x').join('+')})[0]`, "'aaaaaaaaaaaaaaaa'")})`,
    ),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(0),
  },
  {
    name: 'replace that multiplies',
    source: counting(`size('${a(300)}'.replace('a', '${a(300)}').replace('a', '${a(300)}'))`),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(0),
  },
  {
    name: 'split into too many',
    source: counting(`size('${a(1_200)}'.split(''))`),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(0),
  },
  { name: 'a long expression', source: counting(`1${'+1'.repeat(2_000)}`), code: 'EXPRESSION_TOO_EXPENSIVE', ...at(0) },
  {
    name: 'a wide expression',
    source: counting(`size([${'1,'.repeat(600)}1])`),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(1002),
  },
  {
    name: 'brackets',
    source: counting(`${'('.repeat(500)}1${')'.repeat(500)}`),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(24),
  },
  { name: 'negations', source: counting(`${'!'.repeat(500)}true`), code: 'EXPRESSION_TOO_EXPENSIVE', ...at(24) },
  { name: 'conditionals', source: counting('true?1:'.repeat(200) + '1'), code: 'EXPRESSION_TOO_EXPENSIVE', ...at(172) },
  {
    name: 'a pattern of repetitions',
    source: counting(`'${a(400)}'.matches('((a{1,100}){1,100}){1,100}') ? 1 : 2`),
    code: 'EXPRESSION_TOO_EXPENSIVE',
    ...at(0),
  },
];

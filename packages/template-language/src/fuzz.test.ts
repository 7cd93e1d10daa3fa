import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './digest.ts';
import { evaluate } from './evaluate.ts';
import { ExpressionError, parseExpression } from './expression.ts';
import { sampleSource } from './fixture.ts';
import { parseTemplateHere } from './parse.ts';
import { problemCodes } from './problem.ts';
import { formatQuantity, parseQuantity } from './quantity.ts';
import { splitText, UnclosedExpressionError } from './text.ts';

const pieces = [
  '${{',
  '}}',
  'params',
  '.',
  '[',
  ']',
  '{',
  '}',
  ': ',
  '\n',
  '  ',
  '- ',
  '"',
  "'",
  '|',
  '>',
  '&a ',
  '*a',
  '? ',
  '!!str ',
  '#',
  '%',
  '\t',
  '\0',
  '\ufeff',
  '😀',
  '999999999999999999999',
  'null',
  '~',
  '<<: ',
];

/** Every answer is a template or problems that stand inside the source: nothing else may come out. */
function expectAnswer(source: string): void {
  const result = parseTemplateHere(source);
  if (result.ok) return;
  const lines = source.split('\n');
  expect(result.problems.length).toBeGreaterThan(0);
  for (const { code, line, column } of result.problems) {
    expect(problemCodes).toContain(code);
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 2);
  }
}

describe('parsing', () => {
  it('answers any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(fc.constantFrom(...pieces)).map((all) => all.join('')),
        ),
        expectAnswer,
      ),
      { numRuns: 1_000 },
    );
  });

  it('answers any damage to a template', () => {
    const damage = fc.record({
      at: fc.nat(sampleSource.length),
      cut: fc.nat(12),
      put: fc.oneof(fc.constantFrom(...pieces), fc.string()),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        expectAnswer(
          damages.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), sampleSource),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('answers any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseTemplateHere(bytes)),
      { numRuns: 500 },
    );
  });
});

describe('expressions', () => {
  const words = [
    'params.n',
    'params.s',
    'params.l',
    '1',
    '2.5',
    "'a'",
    'true',
    'null',
    '+',
    '-',
    '*',
    '/',
    '%',
    '==',
    '<',
    '&&',
    '||',
    '!',
    '?',
    ':',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '.',
    'x',
    '.map(x, ',
    '.filter(x, ',
    '.all(x, ',
    'size(',
    'in',
    "b'x'",
    '1u',
    '.matches(',
    'has(',
    'int(',
  ];
  const variables = { params: { n: 3n, s: 'text', l: ['a', 'b'] } };

  it('give a value or an ExpressionError', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 20 }), (chosen) => {
        try {
          evaluate(parseExpression(chosen.join(' ')), variables);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('are found where they stand', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('${{', '}}', "'", '"', '{', '}', 'a', ' ', '\\'), { maxLength: 30 }),
        (chosen) => {
          const text = chosen.join('');
          try {
            const joined = splitText(text).map((piece) =>
              piece.kind === 'literal' ? piece.text : `\${{${piece.source}}}`,
            );
            expect(joined.join('')).toBe(text);
          } catch (error) {
            expect(error).toBeInstanceOf(UnclosedExpressionError);
          }
        },
      ),
    );
  });
});

describe('quantities', () => {
  it('survive writing and reading', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999_999 }), (bytes) => {
        expect(parseQuantity(formatQuantity(bytes))).toBe(bytes);
      }),
    );
  });

  it.each([
    ['4GiB', 4 * 2 ** 30],
    ['512MiB', 512 * 2 ** 20],
    ['1.5GB', 1.5e9],
    ['20G', 20e9],
    ['1Ti', 2 ** 40],
    ['10B', 10],
  ])('reads %s', (text, bytes) => {
    expect(parseQuantity(text)).toBe(bytes);
  });

  it.each(['', '4', '4 GiB', '-1GiB', '4gib', '1e9B', '0.0001GiB', '99999999999GiB', '4GiB;rm'])(
    'refuses %j',
    (text) => {
      expect(parseQuantity(text)).toBeUndefined();
    },
  );
});

describe('canonical JSON', () => {
  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
        const reversed = Object.fromEntries(Object.entries(data).toReversed());
        expect(canonicalJson(reversed)).toBe(canonicalJson(data));
        expect(JSON.parse(canonicalJson(data))).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });
});

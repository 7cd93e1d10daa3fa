import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Redactor } from './redaction.ts';

const encodings: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => Buffer.from(value).toString('base64'),
  (value) => Buffer.from(value).toString('base64url'),
  (value) => encodeURIComponent(value),
  (value) => JSON.stringify(value).slice(1, -1),
  (value) => Buffer.from(value).toString('hex'),
  (value) => Buffer.from(value).toString('hex').toUpperCase(),
];

test('a registered value is found in no encoding, wherever it stands', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 4, maxLength: 40, unit: 'grapheme' }),
      fc.constantFrom(...encodings),
      (value, encode) => {
        const redactor = new Redactor();
        redactor.add(value);
        const text = redactor.apply(`before ${encode(value)} after`);
        // What the mark itself or the words around it hold is no leak.
        if (!'before [redacted] after'.includes(encode(value))) expect(text).not.toContain(encode(value));
      },
    ),
    { numRuns: 500 },
  );
});

test('a value inside the base64 of a longer text is found', () => {
  const redactor = new Redactor();
  redactor.add('correct-horse-battery');
  for (const before of ['', 'u', 'us', 'user:']) {
    const text = Buffer.from(`${before}correct-horse-battery and more`).toString('base64');
    expect(redactor.apply(text)).toContain('[redacted]');
  }
});

test('each line of a key of several lines is found', () => {
  const redactor = new Redactor();
  redactor.add('-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n');
  expect(redactor.apply('got MIIEvQIBADANBgkq')).toBe('got [redacted]');
});

test('nothing registered, or nothing in it, changes nothing', () => {
  const redactor = new Redactor();
  redactor.add('');
  expect(redactor.apply('any text')).toBe('any text');
});

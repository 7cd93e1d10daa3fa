import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { framed, whole } from './framed.ts';

describe('framed fields', () => {
  test('are each behind their length', () => {
    expect([...framed(['ab', '', new Uint8Array([7])])]).toEqual([0, 0, 0, 2, 97, 98, 0, 0, 0, 0, 0, 0, 0, 1, 7]);
  });

  test('are the same bytes only when they are the same fields', () => {
    const bytes = fc.array(fc.constantFrom(0, 1, 2), { maxLength: 6 }).map((each) => Uint8Array.from(each));
    const lists = fc.array(bytes, { maxLength: 4 });
    fc.assert(
      fc.property(lists, lists, (one, other) => {
        const same = JSON.stringify(one.map((each) => [...each])) === JSON.stringify(other.map((each) => [...each]));
        expect(Buffer.from(framed(one)).equals(framed(other))).toBe(same);
      }),
    );
    // What would separate fields may stand inside one.
    expect(framed(['a', 'b'])).not.toEqual(framed(['a\0\0\0\0b']));
  });

  test('take whole numbers alone', () => {
    expect(whole(0)).toBe('0');
    for (const none of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => whole(none)).toThrow(RangeError);
  });
});

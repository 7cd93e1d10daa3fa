import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveId, idKind, isId, newId, uuidOf } from './id.ts';

describe('ids', () => {
  it('say what they are and hold a UUIDv7', () => {
    const id = newId('clu');
    expect(id).toMatch(/^clu_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(idKind(id)).toBe('clu');
    expect(uuidOf(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('sort by the time of their making', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.nat(2 ** 40), (a, b) => {
        fc.pre(a !== b);
        expect(newId('srv', a) < newId('srv', b)).toBe(a < b);
      }),
    );
  });

  it('are the same for the same parts, and no parts run into each other', () => {
    expect(deriveId('cmd', 'wf', 'step', 1)).toBe(deriveId('cmd', 'wf', 'step', 1));
    expect(deriveId('cmd', 'ab', 'c')).not.toBe(deriveId('cmd', 'a', 'bc'));
    expect(deriveId('cmd', 'a')).not.toBe(deriveId('op', 'a'));
    expect(uuidOf(deriveId('cmd', 'a'))).toMatch(/^.{14}5/);
  });

  it('refuse what is none', () => {
    for (const text of [
      '',
      'clu_',
      'clu_xyz',
      'foo_00000000000000000000000000',
      `clu_${'u'.repeat(26)}`,
      `clu_8${'0'.repeat(25)}`,
    ])
      expect(isId(text)).toBe(false);
    expect(isId(newId('org'), 'prj')).toBe(false);
    expect(() => uuidOf('clu_no')).toThrow(RangeError);
  });
});

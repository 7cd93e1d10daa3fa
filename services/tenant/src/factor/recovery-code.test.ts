import { expect, it } from 'vitest';
import { newRecoveryCodes, recoveryDigest } from './recovery-code.ts';

it('recovery codes have 125 random bits each, too many to search a digest for', () => {
  const codes = Array.from({ length: 20 }, newRecoveryCodes).flat();
  expect(new Set(codes).size).toBe(200);
  for (const code of codes) expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{5}-){4}[0-9a-hjkmnp-tv-z]{5}$/);
  // Each of 32 letters, at each place.
  for (let at = 0; at < 5; at++) expect(new Set(codes.map((code) => code[at])).size).toBeGreaterThan(25);
});

it('a recovery code is the same however it is typed', () => {
  const [code = ''] = newRecoveryCodes();
  const typed = code.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'l');
  expect(recoveryDigest(typed)).toEqual(recoveryDigest(code));
});

import { dictionary } from '@zxcvbn-ts/language-common';
import { InvalidProblem } from '@truffle/kit';
import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from './password.ts';
import { leakedPasswords } from './leaked-passwords.ts';
import { checkPassword } from './password-rules.ts';

const names = ['ada@lovelace.example', 'Analytical Engines'];
const refused = (password: string): string => {
  try {
    checkPassword(password, names);
    return '';
  } catch (error) {
    if (error instanceof InvalidProblem) return error.message;
    throw error;
  }
};

describe('a new password', () => {
  it.each([
    'velvet orbit canyon thistle',
    'xqzvkwjpmhtbrdnl',
    '739158204667153928',
    'ΩмегаКанюкДождь渡り鳥',
    '  spaces, tabs\tand 🌋 signs  ',
    'QX7#kd0!vBw2$zt',
  ])('is taken with whatever characters it has: %s', (password) => expect(refused(password)).toBe(''));

  it('is taken when it is long, as long as the contract lets it be', () => {
    const words = 'velvet orbit canyon thistle pewter lagoon ';
    expect(refused(words.repeat(7).slice(0, 256))).toBe('');
    expect(refused(words.slice(0, 64).padEnd(64, 'q7'))).toBe('');
  });

  it('is refused when it leaks often: each of the lists that is long enough', () => {
    const estimated = (dictionary['passwords-common'] as readonly string[]).filter(({ length }) => length >= 10);
    expect(estimated.length).toBeGreaterThan(1_000);
    const leaked = [...leakedPasswords()];
    expect(leaked.length).toBeGreaterThan(40_000);
    // The most frequent ones of their length: shorter ones are refused by the contract.
    expect(leaked.slice(0, 3)).toEqual(['qwertyuiop', '1234567890', 'q1w2e3r4t5']);
    for (const password of [...estimated, ...leaked]) expect(refused(password), password).not.toBe('');
    expect(refused('UsuckBALLZ1')).toContain('leak');
  });

  it('is refused when it is made of the product, the address or the organization', () => {
    for (const password of ['truffle2024', 'ada@lovelace.example', 'lovelace99!', 'Analytical1', 'analyticalengines'])
      expect(refused(password), password).not.toBe('');
  });
});

describe('a password that was set', () => {
  it('is verified whole and as it was typed: not cut, not trimmed, in its own case', async () => {
    const long = 'velvet orbit canyon thistle '.repeat(9);
    const hash = await hashPassword(long);
    expect(await verifyPassword(long, hash)).toBe(true);
    for (const other of [
      long.slice(0, -1),
      long.trim(),
      long.toUpperCase(),
      long.slice(0, 72),
      `${long.slice(0, -2)}x `,
    ])
      expect(await verifyPassword(other, hash), other).toBe(false);
  });
});

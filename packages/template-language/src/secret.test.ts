import { expect, it } from 'vitest';
import { generateSecret } from './secret.ts';

it.each([
  [{ length: 32 }, /^[A-Za-z0-9]{32}$/],
  [{ length: 64, charset: 'hex' }, /^[0-9a-f]{64}$/],
  [{ length: 8, charset: 'digits' }, /^[0-9]{8}$/],
] as const)('makes a secret of %j', (generate, shape) => {
  expect(generateSecret(generate)).toMatch(shape);
});

it('draws each letter from the source it is given', () => {
  let next = 0;
  expect(generateSecret({ length: 10, charset: 'digits' }, (limit) => next++ % limit)).toBe('0123456789');
});

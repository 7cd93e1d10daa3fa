import { createHash, randomInt } from 'node:crypto';

/** Letters that make no words and are not mixed up: 20 to the 8th is 25,600,000,000 codes. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ';
const length = 8;

/** A code that a person types, e.g. `BCDF-GHJK`. */
export function newUserCode(random: (most: number) => number = randomInt): string {
  const code = Array.from({ length }, () => letters[random(letters.length)]).join('');
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** Digest of a code however it was typed; undefined for what can be none. */
export function userCodeDigest(typed: string): Buffer | undefined {
  const code = typed.toUpperCase().replaceAll(/[\s-]/g, '');
  return code.length === length && /^[BCDFGHJKLMNPQRSTVWXZ]+$/.test(code)
    ? createHash('sha256').update(code).digest()
    : undefined;
}

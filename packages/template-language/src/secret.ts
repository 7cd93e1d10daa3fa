import { randomInt } from 'node:crypto';
import type { Generate } from './template.ts';

const charsets = {
  alphanumeric: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  hex: '0123456789abcdef',
  digits: '0123456789',
} as const;

/**
 * Makes a secret as a template's `generate` says. The CLI does this where it seals, the agent where nobody sealed.
 * @param below gives a whole number from 0 to below its argument; must be unpredictable
 */
export function generateSecret(generate: Generate, below: (limit: number) => number = randomInt): string {
  const letters = charsets[generate.charset ?? 'alphanumeric'];
  return Array.from({ length: generate.length }, () => letters[below(letters.length)] ?? '').join('');
}

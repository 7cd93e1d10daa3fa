import { RE2JS } from '@bufbuild/re2';
import { limits } from './limits.ts';

// Validation and loops match one pattern many times.
const compiled = new Map<string, RE2JS>();

/**
 * Whether a text matches a regular expression of RE2's syntax anywhere. RE2 is linear in the text: no pattern backtracks.
 * @throws Error when the pattern is none
 */
export function matchesPattern(pattern: string, text: string): boolean {
  return compile(pattern).test(text);
}

/** Whether RE2 can read it. */
export function isPattern(pattern: string): boolean {
  try {
    compile(pattern);
    return true;
  } catch {
    return false;
  }
}

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (compiled.size >= 100) compiled.clear();
  const made = RE2JS.compile(pattern);
  compiled.set(pattern, made);
  return made;
}

/** Steps that matching may take: the text's length times the pattern's size with its repetitions unrolled. */
export function costOfMatch(pattern: string, textLength: number): number {
  const repeats = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].reduce(
    (product, [, least, most]) => product * Math.max(1, Number(least), Number(most ?? 0)),
    1,
  );
  // RE2 refuses repetitions that multiply to more.
  return pattern.length * Math.min(repeats, 1_000) * (1 + textLength);
}

/** The longest text that a pattern may be asked about within `limits.patternSteps`. */
export function longestMatched(pattern: string): number {
  return Math.floor(limits.patternSteps / costOfMatch(pattern, 0)) - 1;
}

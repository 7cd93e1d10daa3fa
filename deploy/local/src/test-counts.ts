import { readFileSync } from 'node:fs';

/** How many tests went how. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The file that a part of the test run is told to write its counts to, as JSON. */
export const countsVariable = 'TRUFFLE_TEST_COUNTS';

/** What a part wrote; undefined when it died before. */
export function readCounts(path: string): TestCounts | undefined {
  try {
    const { passed, failed, skipped } = JSON.parse(readFileSync(path, 'utf8')) as Partial<TestCounts>;
    return { passed: passed ?? 0, failed: failed ?? 0, skipped: skipped ?? 0 };
  } catch {
    return undefined;
  }
}

/**
 * All parts together. A part that ended badly without a failure to show for it, or without any counts, is one failure; so is a run in
 * which nothing ran at all.
 */
export function total(
  parts: readonly { readonly counts: TestCounts | undefined; readonly exitCode: number }[],
): TestCounts {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { counts, exitCode } of parts) {
    sum.passed += counts?.passed ?? 0;
    sum.skipped += counts?.skipped ?? 0;
    sum.failed += counts?.failed || (exitCode === 0 && counts !== undefined ? 0 : 1);
  }
  if (sum.passed + sum.failed === 0) sum.failed = 1;
  return sum;
}

/** The closing line of a test run. */
export const closingLine = ({ passed, failed, skipped }: TestCounts): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

import { describe, expect, test } from 'vitest';
import { closingLine, total } from './test-counts.ts';

describe('the closing line', () => {
  test('adds the parts up', () => {
    const sum = total([
      { counts: { passed: 3, failed: 0, skipped: 0 }, exitCode: 0 },
      { counts: { passed: 4, failed: 1, skipped: 2 }, exitCode: 1 },
    ]);
    expect(closingLine(sum)).toBe('7 passed, 1 failed, 2 skipped');
  });

  test('counts a part that died, or failed without a failure to show, as one failure', () => {
    expect(total([{ counts: undefined, exitCode: 0 }])).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(total([{ counts: { passed: 5, failed: 0, skipped: 0 }, exitCode: 1 }])).toEqual({
      passed: 5,
      failed: 1,
      skipped: 0,
    });
  });

  test('is a failure when nothing ran', () => {
    expect(closingLine(total([{ counts: { passed: 0, failed: 0, skipped: 3 }, exitCode: 0 }]))).toBe(
      '0 passed, 1 failed, 3 skipped',
    );
  });
});

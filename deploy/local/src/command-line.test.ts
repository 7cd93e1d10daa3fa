import { describe, expect, test } from 'vitest';
import { enginesFlags, startFlags, UsageError } from './command-line.ts';

describe('the command line', () => {
  test('starts with the demo and in one process unless told otherwise', () => {
    expect(startFlags([])).toMatchObject({
      demo: true,
      split: false,
      detach: false,
      json: false,
      reset: false,
      enginesOnly: false,
    });
    expect(startFlags(['--no-demo', '--split', '--json'])).toMatchObject({ demo: false, split: true, json: true });
  });

  test('refuses what it does not know', () => {
    expect(() => startFlags(['--jsno'])).toThrow(UsageError);
    expect(() => enginesFlags(['--json'])).toThrow(UsageError);
  });
});

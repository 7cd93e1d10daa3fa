import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { reference } from './reference.ts';

test('docs/cli.md says what the program says (make it anew: node cli/src/reference/reference.ts)', () => {
  expect(readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')).toBe(reference());
});

test('no command takes a credential as an option, and each has an example', () => {
  const text = reference();
  expect(text).not.toMatch(/--(token|password|api-key) </);
  const verbs = text
    .split('\n## ')
    .slice(2)
    .filter((section) => !section.includes('\nCommands:'));
  expect(verbs.length).toBeGreaterThan(40);
  expect(verbs.filter((section) => !section.includes('\nExamples:')).map((section) => section.split('\n')[0])).toEqual(
    [],
  );
});

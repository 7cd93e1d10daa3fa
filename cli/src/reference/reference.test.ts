import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Command } from 'commander';
import { buildProgram } from '../program.ts';
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

test('no command has an option that the program itself takes before it', () => {
  const program = buildProgram(() => Promise.resolve());
  const namesOf = (command: Command): readonly string[] =>
    command.options.flatMap(({ short, long }) => [short, long]).filter((each) => each !== undefined);
  const own = new Set(namesOf(program));
  const clashes = (command: Command): readonly string[] =>
    command.commands.flatMap((each) => [
      ...namesOf(each)
        .filter((name) => own.has(name))
        .map((name) => `${each.name()} ${name}`),
      ...clashes(each),
    ]);
  expect(clashes(program)).toEqual([]);
});

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './command.ts';

const page = 'docs/security/asvs.md';
/** What tests must show of all that applies. */
const leastByTest = 0.85;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Row {
  readonly id: string;
  readonly level: string;
  readonly what: string;
  readonly cells: readonly string[];
}

const rows: readonly Row[] = read(page)
  .split('\n')
  .filter((line) => /^\| V\d/.test(line))
  .map((line) => {
    const [id = '', level = '', what = '', shown = ''] = line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim());
    return { id, level, what, cells: shown.split('<br>').map((cell) => cell.replaceAll('\\|', '|')) };
  });

/** The standard's own list, as ids and levels. */
const wanted = read('tools/asvs.csv').trim().split('\n').slice(1);

const testIn = (cell: string): readonly [path: string, name: string] | undefined => {
  const [, path, name] = /^`([^`]+\.test\.ts)`: (.+)$/.exec(cell) ?? [];
  return path === undefined || name === undefined ? undefined : [path, name];
};
const pageIn = (cell: string): string | undefined => /^document: \[[^\]]+\]\(([^)]+)\)$/.exec(cell)?.[1];
const isOther = (cell: string): boolean => /^(not applicable|\*\*missing\*\*): \S.{5,}/.test(cell);

describe('the table of ASVS 5.0.0', () => {
  it('has every requirement of levels 1 and 2 once, with its level and a name of its own', () => {
    expect(rows.map(({ id, level }) => `${id},${level}`)).toEqual(wanted);
    expect(wanted).toHaveLength(253);
    for (const { id, what } of rows) expect(what, id).toMatch(/\S{2}/);
  });

  it('says of each in one of four ways how it is shown', () => {
    for (const { id, cells } of rows)
      for (const cell of cells)
        expect(testIn(cell) !== undefined || pageIn(cell) !== undefined || isOther(cell), `${id}: ${cell}`).toBe(true);
    for (const { id, cells } of rows.filter((row) => row.cells.some(isOther))) expect(cells, id).toHaveLength(1);
  });

  it('names tests that are there', () => {
    const sources = new Map<string, string>();
    for (const { id, cells } of rows)
      for (const [path, name] of cells.flatMap((cell) => [testIn(cell)].filter((found) => found !== undefined))) {
        expect(existsSync(join(root, path)), `${id}: ${path}`).toBe(true);
        const source = sources.get(path) ?? read(path);
        sources.set(path, source);
        // As the test is called: the first thing behind `it(`, `test(` or the table of an `each`.
        const called = ["'", '"', '`'].some((quote) =>
          new RegExp(`[(\\s]${quote}${RegExp.escape(name)}${quote},`).test(source),
        );
        expect(called, `${id}: ${path} has no test "${name}"`).toBe(true);
      }
  });

  it('names pages, and headings on them, that are there', () => {
    for (const { id, cells } of rows)
      for (const link of cells.flatMap((cell) => pageIn(cell) ?? [])) {
        const [file = '', heading] = link.split('#');
        const path = join(dirname(page), file);
        expect(existsSync(join(root, path)), `${id}: ${path}`).toBe(true);
        if (heading !== undefined) expect(headingsOf(path), `${id}: ${link}`).toContain(heading);
      }
  });

  it('shows by tests at least 85 % of what applies, and says how much at its head', () => {
    const of = (kind: (cell: string) => boolean): number => rows.filter(({ cells }) => kind(cells[0] ?? '')).length;
    const byTest = of((cell) => testIn(cell) !== undefined);
    const applies = rows.length - of((cell) => cell.startsWith('not applicable'));
    expect(byTest / applies).toBeGreaterThanOrEqual(leastByTest);
    expect(read(page)).toContain(`now ${byTest} of ${applies} (${((100 * byTest) / applies).toFixed(0)} %)`);
  });
});

const headingsOf = (path: string): readonly string[] =>
  [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );

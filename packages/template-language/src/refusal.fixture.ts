import { placeOf, sampleWith } from './fixture.ts';
import { parseTemplateHere } from './parse.ts';
import type { Place, Problem } from './problem.ts';

/** What is wrong, the piece of the sample that is replaced, by what, the code, the path, the text that must be pointed at, words of the answer. */
export type RefusalCase = readonly [string, string, string, string, string, string, RegExp];

/** All that is wrong with a source. */
export function problemsOf(source: string): readonly Problem[] {
  const result = parseTemplateHere(source);
  return result.ok ? [] : result.problems;
}

/** Breaks the sample in one place and looks for the refusal that must follow. */
export function refusalOf(
  piece: string,
  by: string,
  code: string,
  path: string,
  pointed: string,
): { readonly found: Problem | undefined; readonly place: Place | undefined; readonly wanted: Place } {
  const source = sampleWith(piece, by);
  const found = problemsOf(source).find((each) => each.code === code && each.path === path);
  const place = found === undefined ? undefined : { line: found.line, column: found.column };
  return { found, place, wanted: placeOf(source, pointed) };
}

/** A range of addresses, and what it is. */
export interface Range {
  readonly cidr: string;
  readonly note: string;
}

/** Ranges as they are typed: one a line, its note behind a `#`. */
export const showRanges = (ranges: readonly Range[]): string =>
  ranges.map(({ cidr, note }) => (note === '' ? cidr : `${cidr} # ${note}`)).join('\n');

/** What was typed; the server says what is no range. */
export const readRanges = (typed: string): Range[] =>
  typed.split('\n').flatMap((line) => {
    const [cidr = '', ...note] = line.split('#');
    return cidr.trim() === '' ? [] : [{ cidr: cidr.trim(), note: note.join('#').trim() }];
  });

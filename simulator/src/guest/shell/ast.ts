/** What a POSIX shell script is made of. Texts are byte strings: one character, one byte. */

export type Part =
  | { kind: 'text'; text: string; quoted: boolean }
  | { kind: 'variable'; name: string; operator: string; argument: Word; quoted: boolean }
  | { kind: 'command'; script: List; quoted: boolean }
  | { kind: 'arithmetic'; expression: Word; quoted: boolean };

export type Word = Part[];

export interface Redirect {
  fd: number;
  operator: '>' | '>>' | '<' | '>&' | '<&' | '<<' | '<>' | '>|';
  /** A file, a descriptor, or the text of a here-document. */
  target: Word;
}

export type Command =
  | { kind: 'simple'; assigns: { name: string; value: Word }[]; words: Word[]; redirects: Redirect[] }
  | { kind: 'if'; branches: { test: List; body: List }[]; otherwise: List | undefined; redirects: Redirect[] }
  | { kind: 'for'; name: string; words: Word[] | undefined; body: List; redirects: Redirect[] }
  | { kind: 'while'; until: boolean; test: List; body: List; redirects: Redirect[] }
  | { kind: 'case'; word: Word; arms: { patterns: Word[]; body: List }[]; redirects: Redirect[] }
  | { kind: 'group'; body: List; redirects: Redirect[] }
  | { kind: 'subshell'; body: List; redirects: Redirect[] }
  | { kind: 'function'; name: string; body: Command; redirects: Redirect[] };

export interface Pipeline {
  negated: boolean;
  commands: Command[];
}

export interface AndOr {
  first: Pipeline;
  rest: { operator: '&&' | '||'; pipeline: Pipeline }[];
  background: boolean;
}

export type List = AndOr[];

/** A script that is no shell: `line` counts from 1. */
export class SyntaxProblem extends Error {
  readonly code = 'SHELL_SYNTAX';
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

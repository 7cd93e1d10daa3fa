import type { Io, Shell } from './shell.ts';

/** One run of a program. */
export interface Run {
  shell: Shell;
  name: string;
  args: string[];
  io: Io;
  /** Says something on stderr under the program's name; answers `status`. */
  fail: (message: string, status?: number) => number;
}

export type Program = (run: Run) => number | Promise<number>;
export type Programs = Readonly<Record<string, Program>>;

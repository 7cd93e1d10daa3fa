import { createRequire } from 'node:module';
import type CliTable from 'cli-table3';
import { printable } from './printable.ts';

const bare = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '   ',
};

/** Aligned columns without lines: a head and rows. Cells are made safe for a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const Table = createRequire(import.meta.url)('cli-table3') as typeof CliTable;
  const made = new Table({
    head: [...head],
    chars: bare,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  made.push(...rows.map((row) => row.map((cell) => printable(cell))));
  return trimmed(made.toString());
}

/** Names and values under each other, for one thing. */
export function card(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs
    .map(([name, value]) =>
      `${name.padEnd(width)}  ${value
        .split('\n')
        .map(printable)
        .join(`\n${' '.repeat(width + 2)}`)}`.trimEnd(),
    )
    .join('\n');
}

const trimmed = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');

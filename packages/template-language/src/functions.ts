import { bool, double, dyn, int, list, string, type Type } from './types.ts';

interface Overload {
  readonly args: readonly Type[];
  readonly result: Type;
}

const sized: readonly Type[] = [string, list(dyn), { kind: 'map', value: dyn }];
const ordered: readonly Type[] = [int, double, string, bool];
const same = (types: readonly Type[], result?: Type): readonly Overload[] =>
  types.map((type) => ({ args: [type, type], result: result ?? type }));
const one = (types: readonly Type[], result: Type): readonly Overload[] =>
  types.map((type) => ({ args: [type], result }));

/** CEL's operators, as its parser names them. */
export const operators: Readonly<Record<string, readonly Overload[]>> = {
  '_+_': same([int, double, string, list(dyn)]),
  '_-_': same([int, double]),
  '_*_': same([int, double]),
  '_/_': same([int, double]),
  '_%_': same([int]),
  '-_': [...one([int], int), ...one([double], double)],
  '!_': one([bool], bool),
  '_&&_': same([bool]),
  '_||_': same([bool]),
  '_<_': same(ordered, bool),
  '_<=_': same(ordered, bool),
  '_>_': same(ordered, bool),
  '_>=_': same(ordered, bool),
  '@in': [
    { args: [dyn, list(dyn)], result: bool },
    { args: [string, { kind: 'map', value: dyn }], result: bool },
  ],
  '@not_strictly_false': one([dyn], bool),
};

/** The functions that templates may call; a method's target is its first argument. */
export const functions: Readonly<Record<string, readonly Overload[]>> = {
  size: one(sized, int),
  contains: same([string], bool),
  startsWith: same([string], bool),
  endsWith: same([string], bool),
  matches: same([string], bool),
  join: [
    { args: [list(string)], result: string },
    { args: [list(string), string], result: string },
  ],
  split: [{ args: [string, string], result: list(string) }],
  replace: [{ args: [string, string, string], result: string }],
  lowerAscii: one([string], string),
  upperAscii: one([string], string),
  trim: one([string], string),
  int: one([int, double, string], int),
  double: one([int, double, string], double),
  string: one([int, double, string, bool], string),
  bool: one([bool, string], bool),
};
/** Of them, those that are only called on a value: `list.join(',')`. */
export const methodsOnly = new Set([
  'contains',
  'startsWith',
  'endsWith',
  'join',
  'split',
  'replace',
  'lowerAscii',
  'upperAscii',
  'trim',
]);

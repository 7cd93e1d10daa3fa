import { useState } from 'react';

/** A field of something that several may edit at once. */
export interface DraftField<T> {
  readonly key: keyof T & string;
  readonly label: string;
  /** The value as people read it. */
  readonly show: (value: T) => string;
  /** Both changes in one value, where that has a meaning (lists). */
  readonly both?: (base: T, mine: T, theirs: T) => Partial<T>;
}

/** A field that somebody else changed since the draft was begun. `clash`: the draft changes it too, to something else. */
export interface Difference<T> {
  readonly field: DraftField<T>;
  readonly base: string;
  readonly mine: string;
  readonly theirs: string;
  readonly clash: boolean;
}

export type Take = 'mine' | 'theirs' | 'both';

/** What one changes of something, begun at a revision, while others may change it too. */
export interface Draft<T> {
  readonly value: T;
  /** The revision that it was begun at: what an update says that it saw. */
  readonly revision: bigint;
  readonly set: (patch: Partial<T>) => void;
  /** Begins anew from what is. */
  readonly begin: () => void;
  /** What somebody else changed meanwhile; empty for nothing. */
  readonly differences: readonly Difference<T>[];
  /** Whether it was changed meanwhile, be it in fields that are not shown. */
  readonly stale: boolean;
  /** Goes on from what is: `takes` says whose value stands where both changed one. */
  readonly merge: (takes: Readonly<Record<string, Take>>) => void;
}

/**
 * @param current what is, as the page last heard
 * @param revision its revision
 */
export function useDraft<T extends object>(current: T, revision: bigint, fields: readonly DraftField<T>[]): Draft<T> {
  const [state, setState] = useState({ base: current, value: current, revision });
  const stale = revision > state.revision;
  const differences = stale ? fields.flatMap((field) => differenceOf(field, state.base, state.value, current)) : [];
  return {
    value: state.value,
    revision: state.revision,
    set: (patch) => setState((was) => ({ ...was, value: { ...was.value, ...patch } })),
    begin: () => setState({ base: current, value: current, revision }),
    differences,
    stale,
    merge: (takes) =>
      setState(({ base, value }) => ({ base: current, revision, value: merged(fields, base, value, current, takes) })),
  };
}

function differenceOf<T>(field: DraftField<T>, from: T, draft: T, current: T): Difference<T>[] {
  const [base, mine, theirs] = [field.show(from), field.show(draft), field.show(current)];
  return theirs === base ? [] : [{ field, base, mine, theirs, clash: mine !== base && mine !== theirs }];
}

/** Three-way: a field that one side changed has that side's value; one that both did is as `takes` says, else both's, else mine. */
export function merged<T extends object>(
  fields: readonly DraftField<T>[],
  base: T,
  mine: T,
  theirs: T,
  takes: Readonly<Record<string, Take>>,
): T {
  const patches = fields.map((field): Partial<T> => {
    const { key, show, both } = field;
    const pick = (of: T): Partial<T> => {
      const patch: Partial<T> = {};
      patch[key] = of[key];
      return patch;
    };
    if (show(mine) === show(base)) return pick(theirs);
    if (show(theirs) === show(base)) return pick(mine);
    const take = takes[key] ?? (both === undefined ? 'mine' : 'both');
    return take === 'theirs'
      ? pick(theirs)
      : take === 'both' && both !== undefined
        ? both(base, mine, theirs)
        : pick(mine);
  });
  return Object.assign({ ...theirs }, ...patches) as T;
}

/** A list with what was put in and taken out on both sides. */
export function mergeLists(base: readonly string[], mine: readonly string[], theirs: readonly string[]): string[] {
  const gone = base.filter((each) => !mine.includes(each) || !theirs.includes(each));
  return [...new Set([...theirs, ...mine])].filter((each) => !gone.includes(each));
}

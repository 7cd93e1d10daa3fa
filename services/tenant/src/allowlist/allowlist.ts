import { Code } from '@connectrpc/connect';
import { AddressRangeError, AddressRanges, InvalidProblem, Problem, readRange, type FieldProblem } from '@truffle/kit';

/** A range as it is stored: in its canonical spelling. */
export interface StoredRange {
  readonly cidr: string;
  readonly note: string;
}

/** Who the lists are for; each has its own. */
export type AllowlistKind = 'sessions' | 'api_keys' | 'agents';

export type Allowlists = Readonly<Record<AllowlistKind, readonly StoredRange[]>>;

/** The lists in their canonical spelling, without repetitions. @throws InvalidProblem that names every range that is none */
export function readAllowlists(given: Allowlists): Allowlists {
  const problems: FieldProblem[] = [];
  const read = (kind: AllowlistKind): StoredRange[] => {
    const found = new Map<string, StoredRange>();
    for (const [i, { cidr, note }] of given[kind].entries()) {
      const text = rangeOf(cidr, `${kind}[${i}].cidr`, problems);
      if (text !== undefined && !found.has(text)) found.set(text, { cidr: text, note });
    }
    return [...found.values()];
  };
  const lists = { sessions: read('sessions'), api_keys: read('api_keys'), agents: read('agents') };
  if (problems.length > 0) throw new InvalidProblem(problems);
  return lists;
}

function rangeOf(cidr: string, field: string, problems: FieldProblem[]): string | undefined {
  try {
    return readRange(cidr).text;
  } catch (error) {
    if (!(error instanceof AddressRangeError)) throw error;
    problems.push({ field, description: error.message, reason: 'INVALID_RANGE' });
    return undefined;
  }
}

/** Whether a list lets `address` in; one without ranges lets everybody in. */
export const letsIn = (ranges: readonly StoredRange[], address: string): boolean =>
  ranges.length === 0 || new AddressRanges(ranges.map((range) => range.cidr)).contains(address);

/** With these lists the caller could not take them back. */
export class WouldLockOutProblem extends Problem {
  override readonly name = 'WouldLockOutProblem';
  constructor(kind: AllowlistKind, address: string) {
    super(
      Code.FailedPrecondition,
      'WOULD_LOCK_OUT',
      `you call from ${address || 'an unknown address'}, which is in none of the ranges for ${kind}: you would shut yourself out; add it, or set force`,
      { parameters: { list: kind, address } },
    );
  }
}

import { AmbiguousNameError, UnknownNameError } from '../failure/cli-error.ts';
import { nearest } from '../failure/nearest.ts';

interface Named {
  readonly id: string;
  readonly name: string;
}

/**
 * The one that has the name or id.
 * @param next what to do when there is none
 * @throws UnknownNameError, AmbiguousNameError
 */
export function findByName<T extends Named>(noun: string, name: string, all: readonly T[], next: readonly string[]): T {
  const found = all.filter((each) => each.name === name || each.id === name);
  if (found.length > 1)
    throw new AmbiguousNameError(
      noun,
      name,
      found.map((each) => each.id),
    );
  const [one] = found;
  if (one === undefined)
    throw new UnknownNameError(
      noun,
      name,
      next,
      nearest(
        name,
        all.map((each) => each.name),
      ),
    );
  return one;
}

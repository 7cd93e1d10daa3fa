import { useNavigate, useSearch } from '@tanstack/react-router';

/** The order of a list, which its address says. */
export interface Sorting {
  /** What the server is asked for: `<field>` or `<field> desc`. */
  readonly by: string;
  readonly set: (by: string) => void;
}

type SortKey = 'sort' | 'invitations' | 'providers' | 'tokens' | 'workspaces';

/**
 * The order that the address says.
 * @param own the order that the list has by itself; it is in no address
 * @param key where the address says it; another one for a second list of a page
 */
export function useSorting(own: string, key: SortKey = 'sort'): Sorting {
  const { [key]: by } = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = (next: string): void => {
    void navigate({ to: '.', search: (was) => ({ ...was, [key]: next === own ? undefined : next }), replace: true });
  };
  return { by: by ?? own, set };
}

export type Direction = 'ascending' | 'descending';

/** Which way a list is sorted by `field` now; undefined while it is by another. */
export function directionOf({ by }: Sorting, field: string): Direction | undefined {
  return by === field ? 'ascending' : by === `${field} desc` ? 'descending' : undefined;
}

/** The order that pressing a column's title asks for: the other way round, where it is sorted by that column already. */
export const nextOf = ({ by }: Sorting, field: string): string => (by === field ? `${field} desc` : field);

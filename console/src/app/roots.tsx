import { createRootRoute, createRoute } from '@tanstack/react-router';
import { NotFound } from '../ui/notice.tsx';
import { Shell } from './shell.tsx';

/** What every address hangs on. */
export const root = createRootRoute({ notFoundComponent: NotFound });

/** An organization's pages. */
export const organization = createRoute({ getParentRoute: () => root, path: '/o/$org', component: Shell });

/** A project's. */
export const project = createRoute({ getParentRoute: () => organization, path: '/p/$project' });

/**
 * Of an address's search, the texts that are meant: `?a=1&b=2` by `keys` a gives `{ a: '1' }`. What is empty, or neither text nor number, is
 * as if it were not there; it is named all the same, as the router keeps of an address what is not said otherwise.
 */
export const textsOf =
  <const K extends string>(...keys: readonly K[]) =>
  (search: Record<string, unknown>): Partial<Record<K, string>> =>
    Object.fromEntries(
      keys.map((key) => {
        const value = search[key];
        const text = typeof value === 'number' ? String(value) : value;
        return [key, typeof text === 'string' && text !== '' ? text : undefined] as const;
      }),
    ) as Partial<Record<K, string>>;

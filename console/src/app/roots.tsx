import { createRootRoute, createRoute } from '@tanstack/react-router';
import { NotFound } from '../ui/notice.tsx';
import { Shell } from './shell.tsx';

/** What every address hangs on. */
export const root = createRootRoute({ notFoundComponent: NotFound });

/** An organization's pages. */
export const organization = createRoute({ getParentRoute: () => root, path: '/o/$org', component: Shell });

/** A project's. */
export const project = createRoute({ getParentRoute: () => organization, path: '/p/$project' });

/** Of an address's search, the texts that are meant: `?a=1&b=2` by `keys` a gives `{ a: '1' }`. */
export const textsOf =
  <const K extends string>(...keys: readonly K[]) =>
  (search: Record<string, unknown>): Partial<Record<K, string>> =>
    Object.fromEntries(
      keys.flatMap((key) => {
        const value = search[key];
        return typeof value === 'string' && value !== '' ? [[key, value] as const] : [];
      }),
    ) as Partial<Record<K, string>>;

import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { organization, textsOf } from './roots.tsx';

const security = createRoute({
  getParentRoute: () => organization,
  path: '/security',
  component: lazyRouteComponent(() => import('../features/security/security.page.tsx')),
});
const home = createRoute({
  getParentRoute: () => security,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/o/$org/security/sign-in', params });
  },
});
const signIn = createRoute({
  getParentRoute: () => security,
  path: '/sign-in',
  validateSearch: textsOf('sort', 'providers'),
  component: lazyRouteComponent(() => import('../features/connection/sign-in.page.tsx')),
});
const addresses = createRoute({
  getParentRoute: () => security,
  path: '/addresses',
  component: lazyRouteComponent(() => import('../features/allowlist/addresses.page.tsx')),
});
const streams = createRoute({
  getParentRoute: () => security,
  path: '/streams',
  validateSearch: textsOf('sort'),
  component: lazyRouteComponent(() => import('../features/audit-stream/streams.page.tsx')),
});

/** How an organization is kept safe. */
export const securityRoutes = security.addChildren([home, signIn, addresses, streams]);

/** What happened in an organization, and the proof of it. */
export const auditRoute = createRoute({
  getParentRoute: () => organization,
  path: '/audit',
  validateSearch: textsOf(
    'actor',
    'action',
    'resource',
    'project',
    'result',
    'address',
    'from',
    'until',
    'tab',
    'sort',
  ),
  component: lazyRouteComponent(() => import('../features/audit/audit.page.tsx')),
});

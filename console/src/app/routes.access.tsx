import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { organization, textsOf } from './roots.tsx';

const access = createRoute({
  getParentRoute: () => organization,
  path: '/access',
  component: lazyRouteComponent(() => import('../features/access/access.page.tsx')),
});
const home = createRoute({
  getParentRoute: () => access,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/o/$org/access/people', params });
  },
});
const people = createRoute({
  getParentRoute: () => access,
  path: '/people',
  validateSearch: textsOf('sort', 'invitations'),
  component: lazyRouteComponent(() => import('../features/member/people.page.tsx')),
});
const groups = createRoute({
  getParentRoute: () => access,
  path: '/groups',
  validateSearch: textsOf('sort'),
  component: lazyRouteComponent(() => import('../features/group/groups.page.tsx')),
});
const group = createRoute({
  getParentRoute: () => access,
  path: '/groups/$groupId',
  validateSearch: textsOf('sort'),
  component: lazyRouteComponent(() => import('../features/group/group.page.tsx')),
});
const roles = createRoute({
  getParentRoute: () => access,
  path: '/roles',
  validateSearch: textsOf('sort'),
  component: lazyRouteComponent(() => import('../features/role/roles.page.tsx')),
});
const grants = createRoute({
  getParentRoute: () => access,
  path: '/grants',
  validateSearch: textsOf('sort'),
  component: lazyRouteComponent(() => import('../features/member/grants.page.tsx')),
});
const why = createRoute({
  getParentRoute: () => access,
  path: '/why',
  validateSearch: textsOf('permission', 'resource', 'who'),
  component: lazyRouteComponent(() => import('../features/access/why.page.tsx')),
});
const serviceAccounts = createRoute({
  getParentRoute: () => access,
  path: '/service-accounts',
  validateSearch: textsOf('sort'),
  component: lazyRouteComponent(() => import('../features/service-account/service-accounts.page.tsx')),
});
const keys = createRoute({
  getParentRoute: () => access,
  path: '/keys',
  validateSearch: textsOf('account', 'sort'),
  component: lazyRouteComponent(() => import('../features/api-key/keys.page.tsx')),
});
const trusts = createRoute({
  getParentRoute: () => access,
  path: '/trusts',
  validateSearch: textsOf('sort', 'tokens'),
  component: lazyRouteComponent(() => import('../features/trust/trusts.page.tsx')),
});

/** Who may do what in an organization. */
export const accessRoutes = access.addChildren([
  home,
  people,
  groups,
  group,
  roles,
  grants,
  why,
  serviceAccounts,
  keys,
  trusts,
]);

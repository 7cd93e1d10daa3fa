import { createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import DashboardPage from '../features/dashboard/dashboard.page.tsx';
import { accessRoutes } from './routes.access.tsx';
import { auditRoute, securityRoutes } from './routes.security.tsx';
import { organization, project, root, textsOf } from './roots.tsx';
import { session } from './queries.ts';

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: ({ next }: Record<string, unknown>): { next?: string } =>
    // Only an address of this console: `//host` and `/\host` are other hosts to a browser.
    typeof next === 'string' && /^\/(?![/\\])/.test(next) ? { next } : {},
  component: lazyRouteComponent(() => import('../features/account/sign-in.page.tsx')),
});
const signUp = createRoute({
  getParentRoute: () => root,
  path: '/sign-up',
  component: lazyRouteComponent(() => import('../features/account/sign-up.page.tsx')),
});
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const sso = createRoute({
  getParentRoute: () => root,
  path: '/sso',
  component: lazyRouteComponent(() => import('../features/account/sso.page.tsx')),
});
const ssoCallback = createRoute({
  getParentRoute: () => root,
  path: '/sso/callback',
  validateSearch: ({ code, state, iss }: Record<string, unknown>): { code: string; state: string; iss: string } => ({
    code: textOf(code),
    state: textOf(state),
    iss: textOf(iss),
  }),
  component: lazyRouteComponent(() => import('../features/account/sso-callback.page.tsx')),
});
const device = createRoute({
  getParentRoute: () => root,
  path: '/device',
  validateSearch: ({ code }: Record<string, unknown>): { code: string } => ({ code: textOf(code) }),
  component: lazyRouteComponent(() => import('../features/account/device.page.tsx')),
});
const forgot = createRoute({
  getParentRoute: () => root,
  path: '/forgot',
  component: lazyRouteComponent(() => import('../features/account/forgot.page.tsx')),
});
const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  component: lazyRouteComponent(() => import('../features/account/account.page.tsx')),
});
/** Where the links of mails lead. */
const mailLink = createRoute({
  getParentRoute: () => root,
  path: '/account/$link',
  component: lazyRouteComponent(() => import('../features/account/mail-link.page.tsx')),
});
const newOrganization = createRoute({
  getParentRoute: () => root,
  path: '/new-organization',
  component: lazyRouteComponent(() => import('../features/account/new-organization.page.tsx')),
});
const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('../features/account/home.page.tsx')),
});

const overview = createRoute({
  getParentRoute: () => organization,
  path: '/',
  // The page that most visits begin with is there at once.
  component: DashboardPage,
});
const clusters = createRoute({
  getParentRoute: () => project,
  path: '/clusters',
  validateSearch: textsOf('name', 'deleted', 'sort'),
  component: lazyRouteComponent(() => import('../features/cluster/clusters.page.tsx')),
});
const cluster = createRoute({
  getParentRoute: () => project,
  path: '/clusters/$clusterId',
  validateSearch: textsOf('tab', 'sort'),
  component: lazyRouteComponent(() => import('../features/cluster/cluster.page.tsx')),
});
const operations = createRoute({
  getParentRoute: () => project,
  path: '/operations',
  validateSearch: textsOf('cluster', 'sort'),
  component: lazyRouteComponent(() => import('../features/operation/operations.page.tsx')),
});
const operation = createRoute({
  getParentRoute: () => project,
  path: '/operations/$operationId',
  component: lazyRouteComponent(() => import('../features/operation/operation.page.tsx')),
});
const templates = createRoute({
  getParentRoute: () => project,
  path: '/templates',
  validateSearch: textsOf('name', 'sort'),
  component: lazyRouteComponent(() => import('../features/template/templates.page.tsx')),
});
const editTemplate = createRoute({
  getParentRoute: () => project,
  path: '/templates/edit',
  validateSearch: textsOf('version'),
  component: lazyRouteComponent(() => import('../features/template/edit.page.tsx')),
});
const template = createRoute({
  getParentRoute: () => project,
  path: '/templates/$templateId',
  validateSearch: textsOf('before', 'after'),
  component: lazyRouteComponent(() => import('../features/template/template.page.tsx')),
});
const deploy = createRoute({
  getParentRoute: () => project,
  path: '/deploy/$versionId',
  component: lazyRouteComponent(() => import('../features/cluster/deploy.page.tsx')),
});
const agents = createRoute({
  getParentRoute: () => organization,
  path: '/sites',
  validateSearch: textsOf('name', 'sort'),
  component: lazyRouteComponent(() => import('../features/agent/agents.page.tsx')),
});
const agent = createRoute({
  getParentRoute: () => organization,
  path: '/sites/$agentId',
  validateSearch: textsOf('tab'),
  component: lazyRouteComponent(() => import('../features/agent/agent.page.tsx')),
});
const projects = createRoute({
  getParentRoute: () => organization,
  path: '/projects',
  validateSearch: textsOf('sort', 'workspaces'),
  component: lazyRouteComponent(() => import('../features/project/projects.page.tsx')),
});
const servers = createRoute({
  getParentRoute: () => project,
  path: '/servers',
  validateSearch: textsOf('cluster', 'sort'),
  component: lazyRouteComponent(() => import('../features/server/servers.page.tsx')),
});
const server = createRoute({
  getParentRoute: () => project,
  path: '/servers/$serverId',
  validateSearch: textsOf('tab', 'hours', 'sort'),
  component: lazyRouteComponent(() => import('../features/server/server.page.tsx')),
});
const projectHome = createRoute({
  getParentRoute: () => project,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/o/$org/p/$project/clusters', params });
  },
});

const tree = root.addChildren([
  home,
  signIn,
  signUp,
  sso,
  ssoCallback,
  device,
  forgot,
  account,
  mailLink,
  newOrganization,
  organization.addChildren([
    overview,
    agents,
    agent,
    projects,
    accessRoutes,
    securityRoutes,
    auditRoute,
    project.addChildren([
      projectHome,
      clusters,
      cluster,
      servers,
      server,
      templates,
      editTemplate,
      template,
      deploy,
      operations,
      operation,
    ]),
  ]),
]);

/** Every page has an address, and each is loaded when it is opened. */
export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', scrollRestoration: true });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

session.onOver = () => {
  const { pathname, href } = router.state.location;
  const before = ['/sign-in', '/sign-up', '/sso', '/sso/callback', '/forgot'];
  if (!before.includes(pathname) && !pathname.startsWith('/account/'))
    void router.navigate({ to: '/sign-in', search: pathname === '/' ? {} : { next: href } });
};

import type { PageCase, World } from './pages.fixture.ts';

const inOrg = (rest: (world: World) => string) => (world: World) => `/o/${world.org}${rest(world)}`;
const inProject = (rest: (world: World) => string) => (world: World) =>
  `/o/${world.org}/p/${world.project}${rest(world)}`;
const tabOf = (path: (world: World) => string, tab: string) => (world: World) => `${path(world)}?tab=${tab}`;

const cluster = inProject(({ clusterId }) => `/clusters/${clusterId}`);
const server = inProject(({ serverId }) => `/servers/${serverId}`);
const site = inOrg(({ agentId }) => `/sites/${agentId}`);
const data = ['data'] as const;

/** Who may do what, and how the organization is kept safe. */
export const organizationPages: readonly PageCase[] = [
  { name: 'projects', path: inOrg(() => '/projects'), shows: { data: 'New workspace', empty: 'New workspace' } },
  {
    name: 'new-project',
    path: inOrg(() => '/projects'),
    in: data,
    shows: { data: 'Clusters live in projects' },
    first: (page) => page.getByRole('button', { name: 'New project' }).click(),
  },
  { name: 'people', path: inOrg(() => '/access/people'), shows: { data: 'Owner at', empty: 'Nobody was invited yet' } },
  { name: 'groups', path: inOrg(() => '/access/groups'), shows: { data: 'Those who deploy', empty: 'No groups yet' } },
  { name: 'group', path: inOrg(({ groupId }) => `/access/groups/${groupId}`), in: data, shows: { data: 'Take out' } },
  {
    name: 'roles',
    path: inOrg(() => '/access/roles'),
    shows: { data: '2 permissions', empty: 'No roles of your own yet' },
  },
  {
    name: 'role-form',
    path: inOrg(() => '/access/roles'),
    in: data,
    shows: { data: '0 permissions' },
    first: (page) => page.getByRole('button', { name: 'New role' }).click(),
  },
  { name: 'grants', path: inOrg(() => '/access/grants'), shows: { data: 'Take away', empty: 'Take away' } },
  {
    name: 'give-role',
    path: inOrg(() => '/access/grants'),
    in: data,
    shows: { data: 'Of somebody with an account' },
    first: (page) => page.getByRole('button', { name: 'Give a role' }).click(),
  },
  { name: 'who-may', path: inOrg(() => '/access/why'), shows: { data: 'owner at', empty: 'owner at' } },
  {
    name: 'why',
    path: inOrg(({ ownerEmail }) => `/access/why?permission=cluster.delete&who=${ownerEmail}`),
    in: data,
    shows: { data: 'allows it' },
  },
  {
    name: 'service-accounts',
    path: inOrg(() => '/access/service-accounts'),
    shows: { data: 'let in', empty: 'No service accounts yet' },
  },
  { name: 'keys', path: inOrg(() => '/access/keys'), shows: { data: 'Rotate', empty: 'No keys yet' } },
  { name: 'trusts', path: inOrg(() => '/access/trusts'), shows: { data: 'acme/site', empty: 'No trusts yet' } },
  {
    name: 'sign-in-rules',
    path: inOrg(() => '/security/sign-in'),
    shows: { data: 'login.acme.example', empty: 'Nobody signs in by a provider yet' },
  },
  {
    name: 'addresses',
    path: inOrg(() => '/security/addresses'),
    shows: { data: 'You come from', empty: 'You come from' },
  },
  {
    name: 'audit-streams',
    path: inOrg(() => '/security/streams'),
    shows: { data: 'siem.acme.example', empty: 'The audit trail is sent nowhere yet' },
  },
  {
    name: 'audit',
    path: inOrg(() => '/audit?action=cluster.*'),
    shows: { data: 'cluster.create', empty: 'Nothing of that kind happened' },
  },
  {
    name: 'audit-record',
    path: inOrg(() => '/audit?action=group.*'),
    in: data,
    shows: { data: 'As it was written' },
    first: (page) =>
      page
        .getByRole('button', { name: /of record/ })
        .first()
        .click(),
  },
  {
    name: 'audit-erase',
    path: inOrg(() => '/audit'),
    in: data,
    shows: { data: 'go out of every record' },
    first: (page) => page.getByRole('button', { name: 'Erase a person' }).click(),
  },
  {
    name: 'audit-proof',
    path: inOrg(() => '/audit?tab=proof'),
    in: data,
    shows: { data: 'Whole:' },
    first: (page) => page.getByRole('button', { name: 'Verify' }).click(),
  },
];

/** What is in a project, looked at closely. */
export const projectPages: readonly PageCase[] = [
  { name: 'servers', path: inProject(() => '/servers'), shows: { data: 'Ready', empty: 'No servers yet' } },
  { name: 'server', path: server, in: data, shows: { data: 'Make and boot the VM' } },
  { name: 'server-metrics', path: tabOf(server, 'metrics'), in: data, shows: { data: '1 hour' } },
  { name: 'server-snapshots', path: tabOf(server, 'snapshots'), in: data, shows: { data: 'No snapshots yet' } },
  { name: 'server-log', path: tabOf(server, 'log'), in: data, shows: { data: 'lines' } },
  {
    name: 'site-policy',
    path: tabOf(site, 'policy'),
    in: data,
    shows: { data: 'Servers at most' },
  },
  { name: 'site-preflight', path: tabOf(site, 'preflight'), in: data, shows: { data: 'Looked at' } },
  {
    name: 'site-orphans',
    path: tabOf(site, 'orphans'),
    in: data,
    shows: { data: 'There are none' },
    first: (page) => page.getByRole('button', { name: 'Look for orphans' }).click(),
  },
  {
    name: 'import-image',
    path: site,
    in: data,
    shows: { data: 'has to have the checksum' },
    first: (page) => page.getByRole('button', { name: 'Import an image' }).click(),
  },
  { name: 'site-history', path: tabOf(site, 'history'), in: data, shows: { data: 'agent.' } },
  { name: 'site-metrics', path: tabOf(site, 'metrics'), in: data, shows: { data: 'agent' } },
  {
    name: 'template',
    path: inProject(({ templateId }) => `/templates/${templateId}`),
    in: data,
    shows: { data: 'What differs' },
  },
  {
    name: 'template-editor',
    path: inProject(() => '/templates/edit'),
    shows: { data: 'It is in order', empty: 'It is in order' },
  },
  { name: 'cluster-servers', path: tabOf(cluster, 'servers'), in: data, shows: { data: 'Ready' } },
  { name: 'cluster-deployments', path: tabOf(cluster, 'deployments'), in: data, shows: { data: 'install → reload' } },
  { name: 'cluster-outputs', path: tabOf(cluster, 'outputs'), in: data, shows: { data: 'webServers' } },
  { name: 'cluster-log', path: tabOf(cluster, 'log'), in: data, shows: { data: 'simulated' } },
  { name: 'cluster-events', path: tabOf(cluster, 'events'), in: data, shows: { data: 'cluster.created' } },
];

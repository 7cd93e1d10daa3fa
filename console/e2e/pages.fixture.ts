import type { Page } from 'playwright-core';
import { organizationPages, projectPages } from './pages.organization.fixture.ts';
import { openPalette } from './people.fixture.ts';

/** What there is for pages to show, by the names and ids of their addresses. */
export interface World {
  readonly org: string;
  readonly project: string;
  /** Empty where nothing has been made yet. */
  readonly agentId: string;
  readonly clusterId: string;
  readonly operationId: string;
  readonly serverId: string;
  readonly groupId: string;
  /** A template of the organization's own with two versions. */
  readonly templateId: string;
  /** Address of who owns the organization. */
  readonly ownerEmail: string;
  /** A version of the catalogue's first template, which every organization has. */
  readonly versionId: string;
}

export type WorldKind = 'data' | 'empty';

/** A page as its tests see it: each is opened, looked over by axe and photographed in every world of `in`. */
export interface PageCase {
  /** Of its screenshots. */
  readonly name: string;
  readonly path: (world: World) => string;
  /** In which worlds there is such a page; default: both. `signed-out`: before one is signed in. */
  readonly in?: readonly (WorldKind | 'signed-out')[];
  /** What is to be read there, once it is whole. */
  readonly shows: Partial<Record<WorldKind | 'signed-out', string>>;
  /** What is done there before it is looked at. */
  readonly first?: (page: Page) => Promise<void>;
}

const inOrg = (rest: string) => (world: World) => `/o/${world.org}${rest}`;
const inProject = (rest: (world: World) => string) => (world: World) =>
  `/o/${world.org}/p/${world.project}${rest(world)}`;

/** Every page of the console. To add one, add a line. */
export const pages: readonly PageCase[] = [
  { name: 'sign-in', path: () => '/sign-in', in: ['signed-out'], shows: { 'signed-out': 'No account yet?' } },
  { name: 'sign-up', path: () => '/sign-up', in: ['signed-out'], shows: { 'signed-out': 'Name of your organization' } },
  { name: 'forgot', path: () => '/forgot', in: ['signed-out'], shows: { 'signed-out': 'Send me a link' } },
  { name: 'mail-link', path: () => '/account/reset', in: ['signed-out'], shows: { 'signed-out': 'New password' } },
  {
    name: 'invitation',
    path: () => '/account/invitation',
    in: ['signed-out'],
    shows: { 'signed-out': 'You are invited' },
  },
  { name: 'new-organization', path: () => '/new-organization', in: ['data'], shows: { data: 'Its title' } },
  { name: 'account', path: () => '/account', shows: { data: 'this one', empty: 'a stolen password' } },
  { name: 'sso', path: () => '/sso', in: ['signed-out'], shows: { 'signed-out': 'E-mail address' } },
  {
    name: 'device',
    path: () => '/device?code=ABCD-EFGH',
    in: ['data'],
    shows: { data: 'Code that the program shows' },
  },
  {
    name: 'not-found',
    path: () => '/nothing/here',
    in: ['signed-out'],
    shows: { 'signed-out': 'There is no page here' },
  },
  { name: 'overview', path: inOrg(''), shows: { data: 'Succeeded', empty: 'No clusters yet' } },
  { name: 'sites', path: inOrg('/sites'), shows: { data: 'Online', empty: 'No sites yet' } },
  {
    name: 'connect-site',
    path: inOrg('/sites'),
    in: ['empty'],
    shows: { empty: 'TRUFFLE_JOIN_TOKEN' },
    first: async (page) => {
      await page.getByRole('button', { name: 'Connect a site' }).first().click();
      await page.getByLabel('Name').fill('cellar');
      await page.getByRole('button', { name: 'Make the command' }).click();
    },
  },
  {
    name: 'site',
    path: (world) => `/o/${world.org}/sites/${world.agentId}`,
    in: ['data'],
    shows: { data: 'Storages' },
  },
  { name: 'templates', path: inProject(() => '/templates'), shows: { data: 'Static site', empty: 'Static site' } },
  {
    name: 'deploy',
    path: inProject(({ versionId }) => `/deploy/${versionId}`),
    shows: { data: 'Plan', empty: 'There is no site to deploy to yet' },
  },
  {
    name: 'plan',
    path: inProject(({ versionId }) => `/deploy/${versionId}`),
    in: ['data'],
    shows: { data: 'Nothing has been done yet' },
    first: async (page) => {
      await page.getByRole('button', { name: 'Plan' }).click();
      // The picture's code comes when there is a plan.
      await page.locator('.picture-box').first().waitFor();
    },
  },
  { name: 'clusters', path: inProject(() => '/clusters'), shows: { data: 'Ready', empty: 'No clusters yet' } },
  {
    name: 'cluster',
    path: inProject(({ clusterId }) => `/clusters/${clusterId}`),
    in: ['data'],
    shows: { data: 'Ready' },
  },
  {
    name: 'palette',
    path: inProject(() => '/clusters'),
    in: ['data'],
    shows: { data: 'Projects' },
    first: openPalette,
  },
  {
    name: 'operations',
    path: inProject(() => '/operations'),
    shows: { data: 'Succeeded', empty: 'Nothing has been done here yet' },
  },
  {
    name: 'operation',
    path: inProject(({ operationId }) => `/operations/${operationId}`),
    in: ['data'],
    shows: { data: 'Succeeded' },
  },
  ...projectPages,
  ...organizationPages,
];

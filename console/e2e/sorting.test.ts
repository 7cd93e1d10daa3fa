import { Role } from '@truffle/api/tenant/v1/account';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newPerson, signIn, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';
import { putTokens } from './tokens.fixture.ts';

const names = ['alpha', 'bravo', 'charlie'] as const;

const shownNames = (page: Page): Promise<string[]> => page.getByRole('rowheader').allInnerTexts();
const sortOf = (page: Page, column: string): Promise<string | null> =>
  page.getByRole('columnheader', { name: column }).getAttribute('aria-sort');
const press = (page: Page, column: string): Promise<void> =>
  page.getByRole('columnheader', { name: column }).getByRole('button').click();

/** Makes something in somebody's organization that a list shows. */
type Make = (owner: Person, name: string) => Promise<unknown>;

describeInBrowser('a table', () => {
  let stack: Stack;
  let browser: Browser;
  let person: Person;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([sharedStack(), openBrowser()]);
    person = await newPerson(stack, 'sorting');
    const { orgId, api } = person;
    // Made in another order than that of their names.
    for (const name of [names[1], names[2], names[0]]) await api.serviceAccounts.createServiceAccount({ orgId, name });
  });

  afterAll(() => browser?.close());

  test('is sorted by the server when a title is pressed, says how, and has an address of it', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, person);
    await page.goto(`/o/${person.org}/access/service-accounts`);
    await expect.poll(() => shownNames(page)).toEqual(names);
    expect(await sortOf(page, 'Name')).toBe('ascending');
    expect(await sortOf(page, 'Made')).toBe('none');

    await press(page, 'Name');
    await expect.poll(() => shownNames(page)).toEqual(names.toReversed());
    expect(await sortOf(page, 'Name')).toBe('descending');
    expect(new URL(page.url()).searchParams.get('sort')).toBe('name desc');

    await page.reload();
    await expect.poll(() => shownNames(page)).toEqual(names.toReversed());

    // By the keyboard alone.
    await page.getByRole('columnheader', { name: 'Made' }).getByRole('button').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => shownNames(page)).toEqual([names[1], names[2], names[0]]);
    expect(await sortOf(page, 'Made')).toBe('ascending');
    expect(await sortOf(page, 'Name')).toBe('none');

    // The list's own order is in no address.
    await press(page, 'Name');
    await expect.poll(() => shownNames(page)).toEqual(names);
    expect(new URL(page.url()).searchParams.get('sort')).toBeNull();
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);

  test('is sorted beside another one of its page, each with an address of its own', async () => {
    const { orgId, api } = person;
    const invited = ['zoe', 'ann', 'max'].map((name) => `${name}@example.com`);
    for (const email of invited) await api.invitations.createInvitation({ scopeId: orgId, email, role: Role.VIEWER });
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, person);
    await page.goto(`/o/${person.org}/access/people?sort=created_at%20desc`);
    const invitations = page.getByRole('table', { name: 'Invitations' });
    const shown = (): Promise<string[]> => invitations.getByRole('rowheader').allInnerTexts();
    await expect.poll(shown).toEqual(invited.toReversed());
    await invitations.getByRole('columnheader', { name: 'Person' }).getByRole('button').click();
    await expect.poll(shown).toEqual(invited.toSorted());
    const { searchParams } = new URL(page.url());
    expect(Object.fromEntries(searchParams)).toEqual({ sort: 'created_at desc', invitations: 'email' });
    await page.reload();
    await expect.poll(shown).toEqual(invited.toSorted());
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);

  // Each is made as bravo, then alpha.
  test.each<
    readonly [
      list: string,
      path: string,
      title: string,
      order: Readonly<Record<string, string>>,
      shown: readonly string[],
      make: Make,
    ]
  >([
    [
      'Projects',
      'projects',
      'Name',
      { sort: 'name desc' },
      ['default', 'bravo', 'alpha'],
      async ({ api, orgId }, name) => {
        const { workspaces } = await api.workspaces.listWorkspaces({ orgId });
        await api.projects.createProject({ workspaceId: workspaces[0]?.id ?? '', name });
      },
    ],
    [
      'Workspaces',
      'projects',
      'Made',
      { workspaces: 'created_at' },
      ['default', 'bravo', 'alpha'],
      async ({ api, orgId }, name) => api.workspaces.createWorkspace({ orgId, name }),
    ],
    [
      "The organization's own roles",
      'access/roles',
      'Made',
      { sort: 'created_at' },
      ['bravo', 'alpha'],
      async ({ api, orgId }, name) => api.roles.createRole({ orgId, name, permissions: ['cluster.get'] }),
    ],
    [
      'Groups',
      'access/groups',
      'Name',
      { sort: 'name desc' },
      ['bravo', 'alpha'],
      async ({ api, orgId }, name) => api.groups.createGroup({ orgId, name }),
    ],
    [
      'Trusts',
      'access/trusts',
      'Issuer',
      { sort: 'issuer' },
      ['alpha', 'bravo'],
      async ({ api, orgId: scopeId }, name) => {
        const conditions = [{ claim: 'sub', pattern: 'site' }];
        const issuer = `https://${name}.example.com`;
        await api.trusts.createTrust({ scopeId, name, issuer, audience: 'truffle', conditions, role: Role.VIEWER });
      },
    ],
    [
      'Domains',
      'security/sign-in',
      'Domain',
      { sort: 'domain desc' },
      ['bravo.example.com', 'alpha.example.com'],
      async ({ api, orgId }, name) => {
        const issuer = 'https://login.acme.example';
        const { connection } = await api.connections.createConnection({ orgId, name, issuer, clientId: 'truffle' });
        await api.connections.addDomain({ connectionId: connection?.id ?? '', domain: `${name}.example.com` });
      },
    ],
    [
      'Providers',
      'security/sign-in',
      'Issuer',
      { providers: 'issuer' },
      ['alpha', 'bravo'],
      async ({ api, orgId }, name) => {
        const issuer = `https://${name}.acme.example`;
        await api.connections.createConnection({ orgId, name, issuer, clientId: 'truffle' });
      },
    ],
    [
      'Audit streams',
      'security/streams',
      'Name',
      { sort: 'name' },
      ['alpha', 'bravo'],
      async ({ api, orgId }, name) => {
        const target = { kind: AuditStreamKind.SYSLOG_TLS, address: `${name}.example.invalid:6514` };
        await api.auditStreams.createAuditStream({ orgId, name, target });
      },
    ],
  ])(
    'of %s is sorted by the server',
    async (list, path, title, order, sorted, make) => {
      const owner = await newPerson(stack, 'sorter');
      for (const name of ['bravo', 'alpha']) await make(owner, name);
      const visitor = await visit(browser, stack.url);
      const { page } = visitor;
      await signIn(page, owner);
      await page.goto(`/o/${owner.org}/${path}`);
      const table = page.getByRole('table', { name: list, exact: true });
      const shown = (): Promise<string[]> => table.getByRole('rowheader').allInnerTexts();
      await table.getByRole('columnheader', { name: title }).getByRole('button').click();
      await expect.poll(shown).toEqual(sorted);
      expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual(order);
      visitor.expectNoFaults();
      await visitor.close();
    },
    90_000,
  );

  test('of what a group and a trust have is sorted by the server', async () => {
    const owner = await newPerson(stack, 'sorter');
    const { api, orgId } = owner;
    const group = (await api.groups.createGroup({ orgId, name: 'robots' })).group?.id ?? '';
    const subjects: string[] = [];
    for (const name of ['alpha', 'bravo']) {
      const { serviceAccount } = await api.serviceAccounts.createServiceAccount({ orgId, name });
      subjects.push(`service_account:${serviceAccount?.id}`);
    }
    for (const subject of subjects.toReversed()) await api.groups.addGroupMember({ groupId: group, subject });
    const { trust } = await api.trusts.createTrust({
      scopeId: orgId,
      name: 'ci',
      issuer: 'https://login.acme.example',
      audience: 'truffle',
      conditions: [{ claim: 'sub', pattern: 'repo:acme/*' }],
      role: Role.VIEWER,
    });
    // No issuer is there that would sign for them.
    await putTokens(stack, trust?.id ?? '', ['repo:bravo', 'repo:alpha']);

    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, owner);
    await page.goto(`/o/${owner.org}/access/groups/${group}`);
    await expect.poll(() => shownNames(page)).toEqual(['alpha', 'bravo']);
    await press(page, 'Came in');
    await expect.poll(() => shownNames(page)).toEqual(['bravo', 'alpha']);
    expect(new URL(page.url()).searchParams.get('sort')).toBe('added_at');

    await page.goto(`/o/${owner.org}/access/trusts?sort=name`);
    await page.getByRole('button', { name: 'Tokens by ci' }).click();
    const dialog = page.getByRole('dialog');
    const shown = (): Promise<string[]> => dialog.getByRole('rowheader').allInnerTexts();
    await expect.poll(shown).toEqual(['repo:alpha', 'repo:bravo']);
    await dialog.getByRole('columnheader', { name: 'Ends' }).getByRole('button').click();
    await expect.poll(shown).toEqual(['repo:bravo', 'repo:alpha']);
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ sort: 'name', tokens: 'expires_at' });
    visitor.expectNoFaults();
    await visitor.close();
  }, 90_000);

  test('says which orders there are when its address names another', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, person);
    await page.goto(`/o/${person.org}/access/service-accounts?sort=description`);
    await page.getByRole('alert').getByText('name, created_at').first().waitFor();
    await visitor.close();
  }, 60_000);
});

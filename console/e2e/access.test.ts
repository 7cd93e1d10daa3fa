import { readFileSync } from 'node:fs';
import { Role } from '@truffle/api/tenant/v1/account';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit, type Visitor } from './browser.fixture.ts';
import { newMember, newPerson, signIn, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

describeInBrowser('who may do what', () => {
  let stack: Stack;
  let browser: Browser;
  let owner: Person;
  let visitor: Visitor;

  beforeAll(async () => {
    stack = await sharedStack();
    [browser, owner] = await Promise.all([openBrowser(), newPerson(stack, 'access')]);
    visitor = await visit(browser, stack.url);
    await signIn(visitor.page, owner);
  }, 180_000);

  afterAll(() => browser?.close());

  test("a key's secret is shown once, and is good; a rotated one has another", async () => {
    const { page } = visitor;
    await page.goto(`/o/${owner.org}/access/keys`);
    await page.getByRole('button', { name: 'New key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('from-browser');
    await dialog.getByRole('button', { name: 'Make the key' }).click();
    const secretOf = async (): Promise<string> => (await dialog.getByText(/^tfk_/).textContent()) ?? '';
    const secret = await secretOf();
    const { apiKey } = await stack.client(secret).accounts.whoAmI({});
    expect(apiKey).toMatchObject({ name: 'from-browser', role: Role.VIEWER });
    expect(apiKey?.expiresAt).toBeDefined();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('rowheader', { name: 'from-browser' }).waitFor();
    expect(await page.getByText(secret).count()).toBe(0);

    await page.getByRole('button', { name: 'Rotate from-browser' }).click();
    await dialog.getByRole('button', { name: 'Rotate' }).click();
    const next = await secretOf();
    expect(next).not.toBe(secret);
    await expect(stack.client(next).accounts.whoAmI({})).resolves.toBeDefined();
    // The old one stays good for the day that was proposed.
    await expect(stack.client(secret).accounts.whoAmI({})).resolves.toBeDefined();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByText('is good until').waitFor();
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
  }, 60_000);

  test('a role is made of chosen permissions, and given; why somebody may says so', async () => {
    const { page } = visitor;
    const member = await newPerson(stack, 'given');
    await page.goto(`/o/${owner.org}/access/roles`);
    await page.getByRole('button', { name: 'New role' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('maker');
    await dialog.getByLabel('Search permissions…').fill('cluster.create');
    await dialog.getByRole('checkbox', { name: 'cluster.create' }).click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('rowheader', { name: 'maker' }).waitFor();
    await page.getByRole('columnheader', { name: 'maker' }).waitFor();

    await page.goto(`/o/${owner.org}/access/grants`);
    await page.getByRole('button', { name: 'Give a role' }).click();
    await dialog.getByLabel('E-mail address').fill(member.email);
    await dialog.getByRole('combobox', { name: 'Role' }).click();
    await page.getByRole('option', { name: 'role maker' }).click();
    await dialog.getByRole('button', { name: 'Give', exact: true }).click();
    await page.getByRole('rowheader', { name: member.email }).waitFor();

    const why = `/o/${owner.org}/access/why?who=${member.email}&permission=`;
    await page.goto(`${why}cluster.create`);
    await page.getByText('allows it').waitFor();
    await page.goto(`${why}cluster.delete`);
    await page.getByText('has other permissions').waitFor();
    visitor.expectNoFaults();
  }, 60_000);

  test('who would shut themselves out by an allowlist is stopped', async () => {
    const { page } = visitor;
    await page.goto(`/o/${owner.org}/security/addresses`);
    await page.getByLabel('People').fill('203.0.113.0/24 # office');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('you would shut yourself out').waitFor();
    await page.getByRole('button', { name: 'Save it, and shut me out' }).waitFor();
    await page.getByLabel('People').fill('203.0.113.0/24 # office\n127.0.0.1/32\n::1/128');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect
      .poll(async () => (await owner.api.allowlists.getAllowlist({ orgId: owner.orgId })).allowlist?.sessions.length)
      .toBe(3);
    await page.getByText('you would shut yourself out').waitFor({ state: 'detached' });
    expect(await page.getByText('changed this while you did').count()).toBe(0);
    visitor.expectNoFaults();
  }, 60_000);

  test('the audit trail says what was changed, and is saved as a file', async () => {
    const { page } = visitor;
    await page.goto(`/o/${owner.org}/audit?action=allowlist.*`);
    await page.getByRole('button', { name: /of record/ }).click();
    await page.getByRole('dialog').getByText('203.0.113.0/24').first().waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Export' }).click();
    const saved = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: 'CSV' }).click();
    expect(readFileSync(await (await saved).path(), 'utf8')).toContain('allowlist.set');
    visitor.expectNoFaults();
  }, 60_000);

  test('who may only look is told why buttons do nothing, and what they may not see', async () => {
    const viewer = await newMember(stack, Role.VIEWER);
    const org = (await stack.api.organizations.getOrganization({ orgId: stack.orgId })).organization?.name ?? '';
    const looking = await visit(browser, stack.url);
    const { page } = looking;
    await signIn(page, viewer);
    for (const [path, button] of [
      ['access/groups', 'New group'],
      ['access/roles', 'New role'],
      ['access/service-accounts', 'New service account'],
      ['access/grants', 'Give a role'],
      ['security/streams', 'New stream'],
    ] as const) {
      await page.goto(`/o/${org}/${path}`);
      await expect.poll(() => page.getByRole('button', { name: button }).getAttribute('aria-disabled')).toBe('true');
    }
    await page.goto(`/o/${org}/audit`);
    await page.getByRole('alert').getByText('audit.list').waitFor();
    looking.expectNoFaults();
    await looking.close();
  }, 90_000);
});

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newPerson, signIn } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

describeInBrowser('an address', () => {
  let stack: Stack;
  let browser: Browser;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([sharedStack(), openBrowser()]);
  });

  afterAll(() => browser?.close());

  test('that names an empty tab shows the page’s first', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, stack.owner);
    const { name: org } = await organizationOf(stack);
    await page.goto(`/o/${org}/sites/${stack.agentId}?tab=`);
    await page.getByRole('tab', { name: 'Inventory', selected: true }).waitFor();
    await page.getByRole('tabpanel', { name: 'Inventory' }).getByText('Memory').first().waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);

  test('that names a list’s order empty has it in its own', async () => {
    const owner = await newPerson(stack, 'address');
    for (const name of ['bravo', 'alpha']) await owner.api.groups.createGroup({ orgId: owner.orgId, name });
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, owner);
    await page.goto(`/o/${owner.org}/access/groups?sort=`);
    await expect.poll(() => page.getByRole('rowheader').allInnerTexts()).toEqual(['alpha', 'bravo']);
    expect(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('ascending');
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);
});

async function organizationOf({ api, orgId }: Stack): Promise<{ readonly name: string }> {
  const { organization } = await api.organizations.getOrganization({ orgId });
  if (organization === undefined) throw new Error('the stack has no organization');
  return organization;
}

import { Role } from '@truffle/api/tenant/v1/account';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit, type Visitor } from './browser.fixture.ts';
import { newMember, signIn, uniqueName } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

describeInBrowser('two people who edit the same thing', () => {
  let stack: Stack;
  let browser: Browser;
  let org: string;
  let first: Visitor;
  let second: Visitor;

  beforeAll(async () => {
    stack = await sharedStack();
    browser = await openBrowser();
    const other = await newMember(stack, Role.OWNER);
    org = (await stack.api.organizations.getOrganization({ orgId: stack.orgId })).organization?.name ?? '';
    [first, second] = await Promise.all([visit(browser, stack.url), visit(browser, stack.url)]);
    await Promise.all([signIn(first.page, stack.owner), signIn(second.page, other)]);
  }, 180_000);

  afterAll(() => browser?.close());

  const newGroup = async (): Promise<{ readonly groupId: string; readonly name: string }> => {
    const name = uniqueName('pair');
    const { group } = await stack.api.groups.createGroup({ orgId: stack.orgId, name, description: 'as it was' });
    return { groupId: group?.id ?? '', name };
  };
  const groupOf = async (groupId: string) => {
    const { groups } = await stack.api.groups.listGroups({ orgId: stack.orgId, page: { size: 500 } });
    return groups.find(({ id }) => id === groupId);
  };
  const edit = async (page: Page, groupId: string): Promise<void> => {
    await page.goto(`/o/${org}/access/groups/${groupId}`);
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    await page.getByRole('dialog').waitFor();
  };
  const save = async (page: Page): Promise<void> => {
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };

  test('the second is told who changed what, and both changes stand', async () => {
    const { groupId, name } = await newGroup();
    await Promise.all([edit(first.page, groupId), edit(second.page, groupId)]);
    await first.page.getByLabel('Name').fill(`${name}-new`);
    await second.page.getByLabel('What it is for').fill('for the second');
    await save(second.page);
    const notice = first.page.getByRole('alert');
    await notice.getByText('Ada changed this while you did').waitFor();
    await notice.getByText('for the second').waitFor();
    await notice.getByRole('button', { name: 'Take over' }).click();
    await expect.poll(() => first.page.getByLabel('What it is for').inputValue()).toBe('for the second');
    await save(first.page);
    expect(await groupOf(groupId)).toMatchObject({ name: `${name}-new`, description: 'for the second' });
    first.expectNoFaults();
    second.expectNoFaults();
  }, 60_000);

  test('where both changed the same, the second says whose stands', async () => {
    const { groupId } = await newGroup();
    await Promise.all([edit(first.page, groupId), edit(second.page, groupId)]);
    await first.page.getByLabel('What it is for').fill('for the first');
    await second.page.getByLabel('What it is for').fill('for the second');
    await save(second.page);
    const notice = first.page.getByRole('alert');
    await notice.getByRole('radio', { name: 'Theirs' }).click();
    await notice.getByRole('button', { name: 'Take over' }).click();
    await expect.poll(() => first.page.getByLabel('What it is for').inputValue()).toBe('for the second');
    first.expectNoFaults();
    second.expectNoFaults();
  }, 60_000);
});

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newPerson, signIn, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

const names = ['alpha', 'bravo', 'charlie'] as const;

const shownNames = (page: Page): Promise<string[]> => page.getByRole('rowheader').allInnerTexts();
const sortOf = (page: Page, column: string): Promise<string | null> =>
  page.getByRole('columnheader', { name: column }).getAttribute('aria-sort');
const press = (page: Page, column: string): Promise<void> =>
  page.getByRole('columnheader', { name: column }).getByRole('button').click();

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

  test('says which orders there are when its address names another', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, person);
    await page.goto(`/o/${person.org}/access/service-accounts?sort=description`);
    await page.getByRole('alert').getByText('name, created_at').first().waitFor();
    await visitor.close();
  }, 60_000);
});

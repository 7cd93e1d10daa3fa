import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { openPalette, uniqueName } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

/** No page has more to stop at. */
const mostStops = 60;

/** Goes on with Tab until the focus is there. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  for (let stops = 0; stops < mostStops; stops++) {
    if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${target.toString()}`);
}

describeInBrowser('who has no mouse', () => {
  let stack: Stack;
  let browser: Browser;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([sharedStack(), openBrowser()]);
  });

  afterAll(() => browser?.close());

  test('signs in, finds a template, deploys it and deletes the cluster', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const { keyboard } = page;
    const name = uniqueName('keys');
    await page.goto('/sign-in');
    await tabTo(page, page.getByLabel('E-mail address'));
    await keyboard.type(stack.owner.email);
    await tabTo(page, page.getByLabel('Password'));
    await keyboard.type(stack.owner.password);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();

    await openPalette(page);
    await keyboard.type('templ');
    await page.getByRole('option', { name: 'Templates' }).waitFor();
    await keyboard.press('Enter');
    await tabTo(page, page.getByRole('link', { name: 'Static site' }));
    await keyboard.press('Enter');

    await tabTo(page, page.getByLabel('Name', { exact: true }));
    await keyboard.press('Control+a');
    await keyboard.type(name);
    await keyboard.press('Enter');
    await tabTo(page, page.getByRole('button', { name: 'Deploy' }));
    await keyboard.press('Enter');
    await page.getByRole('heading', { name }).waitFor();

    await page.getByText('3 of 3 ready').waitFor({ timeout: 60_000 });
    await tabTo(page, page.getByRole('tab', { name: 'Topology' }));
    await keyboard.press('ArrowRight');
    await page.getByRole('link', { name: `${name}-web-0` }).waitFor();
    for (const tab of ['Deployments', 'Outputs', 'Operations']) {
      await keyboard.press('ArrowRight');
      // The focus moves a moment after the key: a hand is slower than this one.
      await page.locator(`[role=tab]:focus:has-text("${tab}")`).waitFor();
    }
    await page.getByRole('link', { name: `Create ${name}` }).waitFor();
    await tabTo(page, page.getByRole('button', { name: 'Delete' }));
    await keyboard.press('Enter');
    await tabTo(page, page.getByLabel(`Type ${name} to confirm`));
    await keyboard.type(name);
    await tabTo(page, page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }));
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: `Delete ${name}` }).waitFor();
    await page.getByText('Succeeded').waitFor({ timeout: 60_000 });
    visitor.expectNoFaults();
    await visitor.close();
  }, 150_000);

  test('gets past the rail by the skip link', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await page.goto('/sign-in');
    await page.getByLabel('E-mail address').fill(stack.owner.email);
    await page.getByLabel('Password').fill(stack.owner.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.reload();
    await tabTo(page, page.getByRole('link', { name: 'Skip to the content' }));
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate('document.activeElement?.id')).toBe('content');
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);
});

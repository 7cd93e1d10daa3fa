import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { siteMachine, type SiteMachine } from './agent.fixture.ts';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { password, uniqueName } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

describeInBrowser('the first ten minutes', () => {
  let stack: Stack;
  let browser: Browser;
  let machine: SiteMachine;

  beforeAll(async () => {
    [stack, browser, machine] = await Promise.all([sharedStack(), openBrowser(), siteMachine()]);
  });

  afterAll(async () => {
    await browser?.close();
    await machine?.close();
  });

  test('lead from nothing to a cluster that is ready, on a site of one’s own', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const org = uniqueName('acme');
    await page.goto('/');
    await page.getByRole('link', { name: 'Make an account' }).click();
    await page.getByLabel('Your name').fill('Ada');
    await page.getByLabel('E-mail address').fill(`${org}@example.com`);
    await page.getByLabel('Password').fill(password);
    await page.getByLabel('Name of your organization').fill(org);
    await page.getByRole('button', { name: 'Make an account' }).click();
    await page.waitForURL(`**/o/${org}`);

    await page.getByRole('link', { name: 'Sites' }).click();
    await page.getByRole('button', { name: 'Connect a site' }).click();
    await page.getByLabel('Name').fill('cellar');
    await page.getByRole('button', { name: 'Make the command' }).click();
    const command = await page.getByText('TRUFFLE_JOIN_TOKEN').innerText();
    machine.paste(command);
    const checklist = page.getByRole('dialog').getByRole('status');
    const done = (): Promise<number> => checklist.getByRole('img', { name: 'done' }).count();
    await expect.poll(done, { timeout: 30_000 }).toBe(4);
    await page.keyboard.press('Escape');
    await page.getByRole('cell', { name: 'Online' }).waitFor();

    await page.getByRole('link', { name: 'Templates' }).click();
    await page.getByRole('link', { name: 'Static site' }).click();
    await page.getByLabel('Name', { exact: true }).fill('first');
    await page.getByRole('button', { name: 'Plan' }).click();
    await page.getByText('Nothing has been done yet').waitFor();
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.getByRole('heading', { name: 'first' }).waitFor();
    // Each server appears, boots, gets its address and its software, while one looks.
    await page.getByText('3 of 3 ready').waitFor({ timeout: 60_000 });
    expect(await page.getByRole('cell', { name: /^10\.|^192\.168\./ }).count()).toBe(3);
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 150_000);

  test('say what is wrong with what one typed, where it is wrong', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await page.goto('/sign-up');
    await page.getByLabel('E-mail address').fill(`${uniqueName('acme')}@example.com`);
    await page.getByLabel('Password').fill('password1234');
    await page.getByLabel('Name of your organization').fill('Not A Name');
    await page.getByRole('button', { name: 'Make an account' }).click();
    await expect.poll(() => page.getByLabel('Name of your organization').getAttribute('aria-invalid')).toBe('true');
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);
});

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { siteMachine, type SiteMachine } from './agent.fixture.ts';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { firstMinutes } from './first-minutes.fixture.ts';
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
    await firstMinutes(page, { org: uniqueName('acme'), password, machine, pause: () => Promise.resolve() });
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

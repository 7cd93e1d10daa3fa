import { Role } from '@truffle/api/tenant/v1/account';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProvider, type TestProvider } from '../../services/tenant/src/sso/provider.fixture.ts';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newPerson, password, signIn, uniqueName } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

describeInBrowser('an account', () => {
  let stack: Stack;
  let browser: Browser;
  let provider: TestProvider;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([sharedStack(), openBrowser()]);
    provider = await startProvider(`${stack.url}/sso/callback`);
  });

  afterAll(async () => {
    await browser?.close();
    await provider?.close();
  });

  test('is linked to a provider by signing in there, and unlinked', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const person = await newPerson(stack, 'linked');
    const { clientId, clientSecret, url: issuer } = provider;
    const name = uniqueName('staff');
    await person.api.connections.createConnection({ orgId: person.orgId, name, issuer, clientId, clientSecret });
    await signIn(page, person);
    await page.goto('/account');
    await page.getByText('None: you sign in with').waitFor();
    await page.getByRole('button', { name: `Link ${name} of ${person.org}` }).click();
    // The provider's own pages.
    await page.waitForURL(`${issuer}/**`);
    await page.locator('input[name="login"]').fill('ada');
    await page.locator('input[name="password"]').fill('whatever');
    await page.locator('button[type="submit"]').click();
    await page.getByRole('button', { name: 'Continue' }).click();

    await page.waitForURL('**/account');
    await page.getByText(issuer).waitFor();
    expect(await page.getByRole('button', { name: /^Link / }).count()).toBe(0);
    await page.getByRole('button', { name: `Unlink ${issuer}` }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Unlink' }).click();
    await page.getByRole('button', { name: `Link ${name} of ${person.org}` }).waitFor();
    // What OpenID puts into addresses on the way leaves the browser's.
    expect(page.url()).toBe(`${stack.url}/account`);
    await visitor.close();
  }, 90_000);

  test('is deleted once its address is typed, unless an organization would be left without an owner', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const person = await newPerson(stack, 'leaving');
    const heir = await newPerson(stack, 'heir');
    await signIn(page, person);
    await page.goto('/account');
    const remove = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Delete your account' }).click();
      const dialog = page.getByRole('alertdialog');
      const sure = dialog.getByRole('button', { name: 'Delete your account' });
      expect(await sure.isDisabled()).toBe(true);
      await dialog.getByLabel(`Type ${person.email} to confirm`).fill(person.email);
      await sure.click();
    };
    await remove();
    await page.getByRole('alert').getByText('last owner').waitFor();
    await person.api.members.setBinding({ scopeId: person.orgId, email: heir.email, role: Role.OWNER });
    await remove();
    await page.waitForURL('**/sign-in');
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('alert').waitFor();
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 90_000);
});

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFront, type Front } from '../../packages/testkit/src/front.ts';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newPerson, openPalette, signIn, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

/** What the browser says of a connection that the test broke. */
const broken = /net::ERR_|Failed to fetch/;

describeInBrowser('a page that is open', () => {
  let stack: Stack;
  let browser: Browser;
  let person: Person;
  let front: Front;

  beforeAll(async () => {
    stack = await sharedStack();
    [browser, person, front] = await Promise.all([openBrowser(), newPerson(stack, 'watcher'), openFront()]);
    front.to(Number(new URL(stack.url).port));
  });

  afterAll(async () => {
    await browser?.close();
    await front?.close();
  });

  test('shows at once what others do', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, person);
    await page.getByRole('combobox', { name: 'Project' }).waitFor();
    await openPalette(page);
    await page.getByRole('option', { name: 'default' }).waitFor();
    const workspaceId = (await person.api.workspaces.listWorkspaces({ orgId: person.orgId })).workspaces[0]?.id ?? '';
    await person.api.projects.createProject({ workspaceId, name: 'from-elsewhere' });
    await page.getByRole('option', { name: 'from-elsewhere' }).waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);

  test('says that it is stale when the connection drops, and goes on by itself with what happened meanwhile', async () => {
    const visitor = await visit(browser, `http://${front.address}`, { tolerates: broken });
    const { page } = visitor;
    await signIn(page, person);
    await openPalette(page);
    await page.getByRole('option', { name: 'default' }).waitFor();
    await page.evaluate('globalThis.never = "reloaded"');

    front.to();
    front.cut();
    const sign = page.getByText('what you see may be old');
    await sign.waitFor();
    const workspaceId = (await person.api.workspaces.listWorkspaces({ orgId: person.orgId })).workspaces[0]?.id ?? '';
    await person.api.projects.createProject({ workspaceId, name: 'meanwhile' });
    expect(await page.getByRole('option', { name: 'meanwhile' }).count()).toBe(0);

    front.to(Number(new URL(stack.url).port));
    await page.getByRole('option', { name: 'meanwhile' }).waitFor({ timeout: 30_000 });
    await sign.waitFor({ state: 'hidden' });
    expect(await page.evaluate('globalThis.never')).toBe('reloaded');
    visitor.expectNoFaults();
    await visitor.close();
  }, 90_000);

  test('leads to the sign-in page when the session is ended elsewhere, and back after', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, person);
    await page.getByRole('link', { name: 'Sites' }).click();
    await page.getByText('No sites yet').waitFor();
    await person.api.sessions.revokeOtherSessions({});
    await page.getByRole('link', { name: 'Clusters' }).click();
    await page.waitForURL('**/sign-in?next=**', { timeout: 30_000 });
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('No clusters yet').waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);
});
